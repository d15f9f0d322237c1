procedure Plain (Size : Natural) is
   procedure Allocate (Size : Natural);
   pragma Import (C, Allocate, "_xmalloc");
begin
   Allocate (Size);
end Plain;
