use std::collections::BTreeMap;

use xenheap_model::{Amount, Kind, Service, StackId};

use crate::hash::FoldMap;

/// The call in which something was allocated.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Call {
    pub(super) cpu: u32,
    /// 0: in none.
    pub(super) epoch: u64,
}

/// By whom, and at which level.
type Maker = (StackId, Kind);

/// What was allocated in calls and is live when they end. Of each CPU one call is under way.
#[derive(Clone, Debug, Default)]
pub(super) struct Calls {
    open: FoldMap<u32, (u64, FoldMap<Maker, Amount>)>,
    services: BTreeMap<Maker, Service>,
}

impl Calls {
    /// Something happened in a call: on this CPU the one before it has ended.
    pub(super) fn now(&mut self, call: Call) {
        if call.epoch == 0 {
            return;
        }
        let open = self.open.entry(call.cpu).or_default();
        if open.0 != call.epoch {
            open.0 = call.epoch;
            let ended = std::mem::take(&mut open.1);
            close(&mut self.services, ended);
        }
    }

    /// Something came to life in a call.
    pub(super) fn made(&mut self, call: Call, maker: Maker, count: u64, bytes: u64) {
        if let Some((epoch, made)) = self.open.get_mut(&call.cpu)
            && *epoch == call.epoch
            && call.epoch != 0
        {
            made.entry(maker).or_default().add(count, bytes);
        }
    }

    /// Something left before the call that made it had ended.
    pub(super) fn gone(&mut self, call: Call, maker: Maker, count: u64, bytes: u64) {
        if let Some((epoch, made)) = self.open.get_mut(&call.cpu)
            && *epoch == call.epoch
            && let Some(amount) = made.get_mut(&maker)
        {
            amount.count = amount.count.saturating_sub(count);
            amount.bytes = amount.bytes.saturating_sub(bytes);
        }
    }

    /// By stack and kind. The last call of each CPU counts as ended.
    pub(super) fn services(&self) -> Vec<Service> {
        let mut services = self.services.clone();
        for (_, made) in self.open.values() {
            close(&mut services, made.clone());
        }
        services.into_values().collect()
    }
}

fn close(services: &mut BTreeMap<Maker, Service>, made: FoldMap<Maker, Amount>) {
    // Pages of the xmalloc pool hold xmallocs that are counted.
    let counted = made.iter().filter(|((_, kind), _)| *kind != Kind::PoolGrowth);
    let whole: Amount = counted.map(|(_, left)| *left).sum();
    for ((stack, kind), left) in made {
        let service = services.entry((stack, kind)).or_insert_with(|| Service::new(stack, kind));
        service.calls = service.calls.saturating_add(1);
        if left.bytes > 0 || left.count > 0 {
            service.leaving = service.leaving.saturating_add(1);
            service.most_whole = service.most_whole.most(whole);
        }
        service.most = service.most.most(left);
        service.total.add(left.count, left.bytes);
    }
}
