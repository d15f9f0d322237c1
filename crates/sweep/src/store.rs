//! A sweep's folder: what it is of, and a file for each result.
//!
//! ```text
//! plan.json            what is swept, and by which stacks
//! base/                the run without a failure, if it was made here
//! results/HASH.json    what became of one failure; there as a whole or not at all
//! logs/HASH.log        the console of that boot
//! ```

use std::{
    collections::BTreeMap,
    fs,
    io::ErrorKind,
    path::{Path, PathBuf},
};

use serde::{Deserialize, Serialize, de::DeserializeOwned};
use xenheap_model::sweep::{Identity, Stack, Sweep, Trial, TrialResult};
use xenheap_output::write_whole;

use crate::SweepError;

/// The version of these files' form.
const SCHEMA: u32 = 1;

/// What a boot of the lab is of.
pub(crate) fn identity(record: &xenheap_lab::Record, xen_args: &[String], nth: u64) -> Identity {
    Identity {
        schema: SCHEMA,
        xen: record.xen.xen_version.clone(),
        arch: record.xen.architecture.to_string(),
        build: record.xen.key.clone(),
        workload: record.workload.name.clone(),
        workload_sha256: record.workload.sha256.clone(),
        parameters: record.workload.parameters.clone(),
        xen_args: xen_args.to_vec(),
        nth,
    }
}

/// What differs.
fn differs(first: &Identity, second: &Identity) -> Option<&'static str> {
    let build = |one: &Identity| (one.xen.clone(), one.arch.clone(), one.build.clone());
    let workload =
        |one: &Identity| (one.workload.clone(), one.workload_sha256.clone(), one.parameters.clone());
    [
        (first.schema != second.schema, "form"),
        (build(first) != build(second), "build of Xen"),
        (workload(first) != workload(second), "workload"),
        (first.xen_args != second.xen_args, "list of arguments for Xen"),
        (first.nth != second.nth, "number of the allocation that fails"),
    ]
    .into_iter()
    .find_map(|(differs, what)| differs.then_some(what))
}

#[derive(Debug, Serialize, Deserialize)]
struct SweepPlan {
    #[serde(flatten)]
    identity: Identity,
    stacks: Vec<Stack>,
}

fn plan_file(dir: &Path) -> PathBuf {
    dir.join("plan.json")
}

fn result_file(dir: &Path, hash: u64) -> PathBuf {
    dir.join("results").join(format!("{hash:016x}.json"))
}

pub(crate) fn log_file(dir: &Path, hash: u64) -> PathBuf {
    dir.join("logs").join(format!("{hash:016x}.log"))
}

/// Nothing if there is no such file.
fn read_json<T: DeserializeOwned>(path: &Path) -> Result<Option<T>, SweepError> {
    match fs::read(path) {
        Ok(bytes) => serde_json::from_slice(&bytes)
            .map(Some)
            .map_err(|source| SweepError::Form { path: path.to_owned(), source }),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
        Err(error) => Err(SweepError::io("read", path)(error)),
    }
}

fn write_json(path: &Path, value: &impl Serialize) -> Result<(), SweepError> {
    let written = path.parent().map_or(Ok(()), fs::create_dir_all).and_then(|()| {
        write_whole(path, |out| {
            serde_json::to_writer_pretty(&mut *out, value)?;
            writeln!(out)
        })
    });
    written.map_err(SweepError::io("write", path))
}

/// Begins a sweep, or goes on with one: what is added are stacks that it did not have.
pub(crate) fn begin(dir: &Path, identity: &Identity, stacks: &[Stack]) -> Result<(), SweepError> {
    let mut all: BTreeMap<u64, Stack> = BTreeMap::new();
    if let Some(plan) = read_json::<SweepPlan>(&plan_file(dir))? {
        if let Some(what) = differs(&plan.identity, identity) {
            return Err(SweepError::Mixed { path: dir.to_owned(), what });
        }
        all.extend(plan.stacks.into_iter().map(|stack| (stack.hash, stack)));
    }
    for stack in stacks {
        all.entry(stack.hash).or_insert_with(|| stack.clone());
    }
    let plan = SweepPlan { identity: identity.clone(), stacks: all.into_values().collect() };
    write_json(&plan_file(dir), &plan)
}

pub(crate) fn has(dir: &Path, hash: u64) -> bool {
    result_file(dir, hash).is_file()
}

pub(crate) fn keep(dir: &Path, hash: u64, result: &TrialResult) -> Result<(), SweepError> {
    write_json(&result_file(dir, hash), result)
}

/// Puts what folders hold together. They must be of the same build, workload and number; where two
/// have tried a stack, the first one counts.
pub fn merge(dirs: &[PathBuf]) -> Result<Sweep, SweepError> {
    let mut merged: Option<Identity> = None;
    let mut trials: BTreeMap<u64, Trial> = BTreeMap::new();
    for dir in dirs {
        let Some(plan) = read_json::<SweepPlan>(&plan_file(dir))? else {
            return Err(SweepError::NoSweep(dir.clone()));
        };
        match &merged {
            Some(first) => {
                if let Some(what) = differs(first, &plan.identity) {
                    return Err(SweepError::Mixed { path: dir.clone(), what });
                }
            }
            None => merged = Some(plan.identity),
        }
        for stack in plan.stacks {
            let result = read_json(&result_file(dir, stack.hash))?;
            let trial = trials.entry(stack.hash).or_insert(Trial { stack, result: None });
            trial.result = trial.result.take().or(result);
        }
    }
    let identity = merged.ok_or_else(|| SweepError::NoSweep(PathBuf::new()))?;
    Ok(Sweep { identity, trials: trials.into_values().collect() })
}

#[cfg(test)]
mod tests {
    use xenheap_model::{Kind, sweep::TrialOutcome};

    use super::*;

    fn identity() -> Identity {
        Identity {
            schema: SCHEMA,
            xen: "4.17.5".into(),
            arch: "x86_64".into(),
            build: "b".into(),
            workload: "guests".into(),
            workload_sha256: "w".into(),
            parameters: BTreeMap::new(),
            xen_args: Vec::new(),
            nth: 1,
        }
    }

    fn stack(hash: u64) -> Stack {
        Stack { hash, kinds: vec![Kind::Xmalloc], allocs: 3, frames: vec!["do_domctl".into(), "f".into()] }
    }

    fn result(outcome: TrialOutcome) -> TrialResult {
        TrialResult {
            outcome,
            failed: None,
            leaks: Vec::new(),
            doubt: None,
            crashes: Vec::new(),
            ended: "powered-off".into(),
            message: None,
            said: Vec::new(),
            seconds: 60,
        }
    }

    #[test]
    fn a_sweep_goes_on_where_it_was() {
        let dir = tempfile::tempdir().unwrap();
        let dir = dir.path().join("sweep");
        begin(&dir, &identity(), &[stack(2)]).unwrap();
        keep(&dir, 2, &result(TrialOutcome::Error)).unwrap();
        begin(&dir, &identity(), &[stack(1), stack(2)]).unwrap();
        assert!(has(&dir, 2) && !has(&dir, 1));
        let sweep = merge(std::slice::from_ref(&dir)).unwrap();
        assert_eq!(sweep.trials.iter().map(|trial| trial.stack.hash).collect::<Vec<_>>(), [1, 2]);
        assert_eq!(sweep.pending(), 1);
        let other = Identity { nth: 2, ..identity() };
        let mixed = begin(&dir, &other, &[]).unwrap_err().to_string();
        assert!(mixed.contains("its number of the allocation that fails differs"), "{mixed}");
    }

    #[test]
    fn shards_are_put_together() {
        let place = tempfile::tempdir().unwrap();
        let dirs = ["a", "b"].map(|name| place.path().join(name));
        for (dir, hashes) in dirs.iter().zip([[1, 2], [2, 3]]) {
            begin(dir, &identity(), &hashes.map(stack)).unwrap();
        }
        keep(&dirs[0], 1, &result(TrialOutcome::Error)).unwrap();
        keep(&dirs[1], 2, &result(TrialOutcome::Hung)).unwrap();
        keep(&dirs[1], 3, &result(TrialOutcome::Unnoticed)).unwrap();
        let sweep = merge(&dirs).unwrap();
        let outcomes: Vec<Option<TrialOutcome>> =
            sweep.trials.iter().map(|trial| trial.result.as_ref().map(|result| result.outcome)).collect();
        assert_eq!(
            outcomes,
            [Some(TrialOutcome::Error), Some(TrialOutcome::Hung), Some(TrialOutcome::Unnoticed)]
        );

        begin(&place.path().join("c"), &Identity { build: "c".into(), ..identity() }, &[]).unwrap();
        assert!(matches!(
            merge(&[dirs[0].clone(), place.path().join("c")]),
            Err(SweepError::Mixed { what: "build of Xen", .. })
        ));
        assert!(matches!(merge(&[place.path().join("d")]), Err(SweepError::NoSweep(_))));
        assert!(matches!(merge(&[]), Err(SweepError::NoSweep(_))));
        fs::write(result_file(&dirs[0], 1), "{").unwrap();
        assert!(matches!(merge(&dirs), Err(SweepError::Form { .. })));
    }
}
