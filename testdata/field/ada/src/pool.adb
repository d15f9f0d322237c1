package body Pool is
   procedure Allocate (Size : Natural);
   pragma Import (C, Allocate, "_xmalloc");

   function "+" (Left : Bytes; Right : Natural) return Bytes is
   begin
      return (Count => Left.Count + Right);
   end "+";

   procedure Take (Size : Bytes) is
      Whole : constant Bytes := Size + 8;
   begin
      Allocate (Whole.Count);
   end Take;
end Pool;
