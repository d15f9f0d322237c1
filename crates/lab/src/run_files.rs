//! The names of the files in a RUN.

/// What the machine wrote, as it came.
pub const CONSOLE: &str = "console.log";

/// The symbols of the Xen that ran.
pub const XEN_SYMS: &str = "xen-syms";

/// Its configuration.
pub const CONFIG: &str = "config";

/// The device tree, where Xen started guests by itself; so also in the folder of the boot.
pub(crate) const DEVICE_TREE: &str = "machine.dtb";

/// What all of it is, in JSON.
pub(crate) const RECORD: &str = "lab.json";
