package Pool is
   type Bytes is record
      Count : Natural;
   end record;
   function "+" (Left : Bytes; Right : Natural) return Bytes;
   procedure Take (Size : Bytes);
end Pool;
