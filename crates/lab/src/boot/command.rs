//! The machine as a command line of QEMU's, and what Xen and Linux are told.

use crate::count;
use crate::error::{Error, MachineError};
use crate::mode::Mode;
use crate::platform;
use crate::text;
use crate::workload::{self, Workload};
use xenheap_model::BuildArch;

/// Xen's arguments.
///
/// `sync_console`: else Xen drops what the console cannot take at once. `noreboot`: else a panic is
/// a reset.
pub(super) fn xen_arguments(arch: BuildArch, mode: Option<&Mode>, more: &[&str]) -> String {
    let mode = mode.map(|mode| format!("heap-audit={mode}"));
    let base = ["loglvl=all", "guest_loglvl=all", "noreboot", "sync_console"];
    let base = base.into_iter().chain(mode.as_deref());
    let all = platform::of(arch).console.iter().copied().chain(base).chain(more.iter().copied());
    all.collect::<Vec<_>>().join(" ")
}

/// Linux' arguments.
///
/// Where instructions are counted the machine ends with a reset, at which QEMU stops it at once
/// (`-no-reboot`). After a power-off it goes on for as long as QEMU likes.
pub(super) fn linux_arguments(deterministic: bool, more: &[&str]) -> String {
    let end: &[&str] = if deterministic { &["end=reboot"] } else { &[] };
    [&["console=hvc0"], end, more].concat().join(" ")
}

/// QEMU with the arguments that make a machine, which loads nothing yet.
pub(super) fn machine_command(
    arch: BuildArch,
    workload: &Workload,
    deterministic: bool,
    accelerator: &str,
) -> Vec<String> {
    let cpus = if deterministic { 1 } else { workload.cpus };
    let cpus = cpus.to_string();
    let platform = platform::of(arch);
    let usual = [
        &["-m", &workload.memory, "-smp", &cpus],
        ["-display", "none", "-monitor", "none", "-serial", "stdio", "-nic", "none", "-no-reboot"].as_slice(),
    ];
    let virtual_time: &[&str] = match deterministic {
        true => &["-icount", "shift=1,sleep=off", "-rtc", "base=2026-01-01,clock=vm"],
        false => &[],
    };
    let counted: &[&str] = if deterministic { &count::ARGUMENTS } else { &[] };
    let machine =
        [&[platform.qemu, "-accel", accelerator], platform.machine, &usual.concat(), virtual_time, counted]
            .concat();
    machine.into_iter().map(str::to_owned).collect()
}

/// Whether each can be an argument of Xen's.
pub(crate) fn check_arguments(arguments: &[String]) -> Result<(), Error> {
    match arguments.iter().find(|one| !workload::is_argument(one)) {
        Some(bad) => Err(Error::Machine(MachineError::Argument { given: text::escape(bad.as_bytes()) })),
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::accel;

    type Result = std::result::Result<(), Box<dyn std::error::Error>>;

    fn command(arch: BuildArch, deterministic: bool) -> std::result::Result<String, Error> {
        let workload = Workload::load("boot")?;
        let mode = "trace,summary".parse()?;
        let xen = xen_arguments(arch, Some(&mode), &["dom0_mem=1G,max:1G"]);
        let linux = linux_arguments(deterministic, &["panic=0", "x=1,2"]);
        let mut command = machine_command(arch, &workload, deterministic, accel::THREADS);
        command.extend((platform::of(arch).load)(&xen, &linux));
        Ok(command.join("|"))
    }

    #[test]
    fn the_usual_machine() -> Result {
        assert_eq!(
            command(BuildArch::X86_64, false)?,
            "qemu-system-x86_64|-accel|tcg|-cpu|qemu64,+svm,+npt|-m|2G|-smp|2|-display|none|-monitor|none|-serial|stdio|-nic|none|\
             -no-reboot|-kernel|xen|-append|console=com1 loglvl=all guest_loglvl=all noreboot sync_console \
             heap-audit=trace,summary dom0_mem=1G,max:1G|-initrd|vmlinuz console=hvc0 panic=0 x=1,,2,initrd"
        );
        Ok(())
    }

    #[test]
    fn the_usual_machine_of_arm() -> Result {
        assert_eq!(
            command(BuildArch::Arm64, false)?,
            "qemu-system-aarch64|-accel|tcg|-machine|virt,virtualization=on,gic-version=3,dtb-randomness=off|-cpu|cortex-a57|\
             -m|2G|-smp|2|-display|none|-monitor|none|-serial|stdio|-nic|none|-no-reboot|-kernel|xen|-append|console=dtuart \
             dtuart=/pl011@9000000 loglvl=all guest_loglvl=all noreboot sync_console heap-audit=trace,summary \
             dom0_mem=1G,max:1G|-device|guest-loader,addr=0x50000000,kernel=vmlinuz,bootargs=console=hvc0 panic=0 x=1,,2|\
             -device|guest-loader,addr=0x58000000,initrd=initrd"
        );
        Ok(())
    }

    #[test]
    fn the_deterministic_machine() -> Result {
        let command = command(BuildArch::X86_64, true)?;
        assert!(command.contains("|-smp|1|"), "{command}");
        assert!(
            command.contains("|-icount|shift=1,sleep=off|-rtc|base=2026-01-01,clock=vm|-no-shutdown|-qmp|unix:qmp,server=on,wait=off|-kernel|xen|"),
            "{command}"
        );
        assert!(command.ends_with("vmlinuz console=hvc0 end=reboot panic=0 x=1,,2,initrd"), "{command}");
        Ok(())
    }

    #[test]
    fn an_argument_is_one_word() {
        assert!(check_arguments(&["heap-audit-ring=64".into(), "dom0_mem=1G,max:1G".into()]).is_ok());
        for bad in ["a b", "", "x\n", "\u{1b}"] {
            assert!(check_arguments(&[bad.to_owned()]).is_err(), "{bad:?}");
        }
    }
}
