//! A run made by hand, with something of everything that a report can show.
#![allow(dead_code, reason = "each test uses a part")]

use xenheap_model::*;
use xenheap_report::{Filter, Report, rfc};

pub fn frame(text: &str) -> Frame {
    let (inlined, text) = text.strip_prefix('+').map_or((false, text), |text| (true, text));
    let (name, place) = text.split_once(" @ ").map_or((text, None), |(name, place)| (name, Some(place)));
    let (file, function) = name.split_once('#').map_or((None, name), |(file, name)| (Some(file), name));
    let source = place
        .and_then(|place| place.rsplit_once(':'))
        .map(|(file, line)| Source { file: file.to_owned(), line: line.parse().expect("a line") });
    Frame {
        function: function.to_owned(),
        file: file.map(str::to_owned),
        inlined,
        source,
        addr: Some(0xffff_82d0_4020_0000 + text.len() as u64),
    }
}

pub fn stack(frames: &[&str]) -> Stack {
    Stack {
        frames: frames.iter().map(|text| frame(text)).collect(),
        truncated: false,
        hash: Some(0x1234),
        uncertain: None,
    }
}

pub fn stacks() -> Vec<(StackId, Stack)> {
    let fifo = |line: &str| {
        stack(&[
            "x86_64/entry.S#lstar_enter @ arch/x86/x86_64/entry.S:273",
            "pv_hypercall @ arch/x86/pv/hypercall.c:162",
            "do_event_channel_op @ common/event_channel.c:1289",
            line,
            "+alloc_page @ common/event_fifo.c:401",
            "_xzalloc @ common/xmalloc_tlsf.c:658",
        ])
    };
    let mut deep = stack(&[
        "domain.c#idle_loop",
        "do_softirq",
        "softirq.c#__do_softirq",
        "timer.c#timer_softirq_action",
    ]);
    deep.truncated = true;
    vec![
        (StackId(1), fifo("evtchn_fifo_init_control @ common/event_fifo.c:531")),
        (StackId(2), fifo("evtchn_fifo_init_control @ common/event_fifo.c:542")),
        (StackId(3), stack(&["lstar_enter", "pv_hypercall", "do_memory_op", "memory.c#memory_exchange"])),
        (StackId(4), deep),
        (StackId(5), stack(&["lstar_enter", "evil\u{1b}[2J\u{202e}"])),
    ]
}

fn key(stack: u32, kind: Kind, current: Domain) -> RowKey {
    RowKey { stack: StackId(stack), kind, charge: Charge::Nobody, current, owner: Owner::Unknown }
}

fn row(key: RowKey, allocs: u64, size: u64, live: u64) -> Row {
    let counters = Counters {
        allocs,
        bytes: allocs * size,
        freed: allocs - live,
        freed_bytes: (allocs - live) * size,
        live,
        live_bytes: live * size,
        peak: (live + 1) * size,
        min: size,
        max: size,
        ..Counters::default()
    };
    Row { key, counters }
}

pub fn run() -> Run {
    let mut exchange = row(key(3, Kind::Domheap, Domain::Id(0)), 256, 262_144, 0);
    exchange.key.charge = Charge::NoOwner;
    exchange.key.owner = Owner::Passed(DomainId::unknown(Domain::Id(0)));
    exchange.counters.given = exchange.counters.freed;
    exchange.counters.given_bytes = exchange.counters.freed_bytes;
    (exchange.counters.freed, exchange.counters.freed_bytes) = (0, 0);
    let mut mixed = row(key(1, Kind::Xmalloc, Domain::Id(1)), 3, 100, 1);
    mixed.counters.min = 36;
    mixed.counters.failed = 2;
    let mut taken = row(key(5, Kind::Domheap, Domain::Id(0)), 0, 0, 0);
    taken.counters =
        Counters { taken: 2, taken_bytes: 8192, live: 1, live_bytes: 4096, peak: 8192, ..taken.counters };
    let profile = vec![
        row(key(1, Kind::Xmalloc, Domain::Id(0)), 1, 392, 1),
        row(key(2, Kind::Xmalloc, Domain::Id(0)), 1, 392, 1),
        mixed,
        exchange,
        row(key(1, Kind::PoolGrowth, Domain::Id(0)), 1, 4096, 1),
        row(key(4, Kind::Xmalloc, Domain::Idle), 1, 128, 0),
        taken,
        row(key(0, Kind::Xenheap, Domain::Null), 1, 4096, 0),
    ];
    let mut totals = Totals::default();
    for row in &profile {
        let sum = &mut totals.of_mut(row.key.kind).expect("anonymous").counters;
        let c = row.counters;
        sum.allocs += c.allocs;
        sum.bytes += c.bytes;
        sum.failed += c.failed;
        sum.taken += c.taken;
        sum.taken_bytes += c.taken_bytes;
        sum.freed += c.freed;
        sum.freed_bytes += c.freed_bytes;
        sum.given += c.given;
        sum.given_bytes += c.given_bytes;
        sum.live += c.live;
        sum.live_bytes += c.live_bytes;
        sum.peak += c.peak;
    }
    totals.xmalloc.orphans = 7;
    totals.xmalloc.orphan_bytes = 1340;
    let checks = CheckId::ALL.map(|id| {
        let (outcome, detail) = match id {
            CheckId::Sequence => (
                CheckOutcome::Failed,
                "3 of 1,676 numbers are missing, the first ones 18 to 20 after line 345: the console lost lines, boot Xen with sync_console",
            ),
            CheckId::Views => (CheckOutcome::NotApplicable, "the log has one view"),
            _ => (CheckOutcome::Ok, "as it should be"),
        };
        Check { id, outcome, detail: detail.to_owned() }
    });
    Run {
        facts: Facts {
            format: LogFormat::Ha1,
            arch: Arch::X86_64,
            xen: Some("4.17.5".to_owned()),
            build_id: Some("bff20416e611f992f0a3652dd85fd468074d6d99".to_owned()),
            tag: Some("3f9a2c41".to_owned()),
            text: Some((0xffff_82d0_4020_0000, 0xffff_82d0_4039_cb2d)),
            modes: vec![View::Trace, View::Summary],
            tables: Some(Tables {
                depth: 32,
                stacks: 4096,
                rows: 4096,
                live: 65536,
                ring: 8192,
                domains: None,
            }),
            view: Some(View::Trace),
            boot: 1,
            boots: 2,
            lines: 35_113,
            log_bytes: 1_234_567,
            events: 1_676,
            first_time: Some(12_044_000_000),
            last_time: Some(50_218_900_000),
            ..Facts::default()
        },
        stacks: stacks().into_iter().collect(),
        profile,
        totals,
        dump: Some(Dump { number: 1, why: DumpWhy::Shutdown, seq: 1676, totals, ..Dump::default() }),
        checks: checks.to_vec(),
        refused: [(RefusalReason::Guest, 12), (RefusalReason::Replayed, 3), (RefusalReason::Late, 0)]
            .into_iter()
            .collect(),
        ..Run::default()
    }
}

fn amount(count: u64, bytes: u64) -> Amount {
    Amount { count, bytes }
}

fn id(domain: u16, generation: u32) -> DomainId {
    DomainId { domain: Domain::Id(domain), generation }
}

/// A run with guests, of a recorder that tells of domains and calls: dom0 creates the same guest
/// six times, some memory of each stays behind, and something of dom0's own grows.
pub fn guests() -> Run {
    let mut run = run();
    let call = ["lstar_enter", "pv_hypercall @ arch/x86/pv/hypercall.c:162", "+_pv_hypercall"];
    let with = |frames: &[&str]| stack(&[&call[..], frames].concat());
    run.stacks.extend([
        (
            StackId(10),
            with(&["do_domctl", "domain_create", "sched_init_vcpu", "core.c#sched_alloc_unit_mem"]),
        ),
        (StackId(11), with(&["do_domctl", "domain_create", "domain.c#alloc_domain_struct"])),
        (StackId(12), with(&["do_grant_table_op", "grant_table.c#gnttab_grow_table"])),
        (
            StackId(13),
            stack(&[
                "svm_vmexit_handler",
                "hvm_hap_nested_page_fault",
                "p2m_set_entry",
                "hap.c#hap_alloc\u{7}",
            ]),
        ),
        (StackId(14), with(&["do_domctl", "paging_domctl", "hap.c#hap_set_allocation"])),
        (StackId(15), with(&["do_domctl", "map_mmio_regions"])),
    ]);
    let d0 = Domain::Id(0);
    let created = |stack, kind, guest: u16| RowKey {
        owner: Owner::Created(id(guest, u32::from(guest) + 1)),
        ..key(stack, kind, d0)
    };
    let counted = |mut row: Row, bracketed| {
        row.counters.bracketed = Some(bracketed);
        row
    };
    for guest in 1..=6 {
        run.profile.push(counted(row(created(10, Kind::Xmalloc, guest), 3, 72, 1), 0));
        run.profile.push(counted(row(created(11, Kind::Xenheap, guest), 1, 4096, 0), 0));
        let mut grant = key(12, Kind::Xmalloc, Domain::Id(guest));
        grant.owner = Owner::Destroyed(id(guest, u32::from(guest) + 1));
        run.profile.push(counted(row(grant, 10, 24, 0), 8));
        run.left.push(Left {
            stack: StackId(10),
            kind: Kind::Xmalloc,
            charge: Charge::Nobody,
            owner: Owner::Created(id(guest, u32::from(guest) + 1)),
            live: amount(1, 72),
        });
    }
    let growing = |stack, min, max, rises, live| Growing {
        stack: StackId(stack),
        kind: Kind::Xmalloc,
        charge: Charge::Nobody,
        rises,
        bytes: Rise { min, max, last: max, total: min * 2 + max },
        allocs: Rise { min: 1, max: 1, last: 1, total: 3 },
        live,
    };
    run.cycles = Cycles {
        completed: 6,
        missed: 0,
        growing: vec![growing(10, 72, 72, 5, amount(6, 432)), growing(1, 36, 392, 3, amount(2, 492))],
    };
    let guest = |domain: u16, pool: Pool| DomainAccount {
        id: id(domain, u32::from(domain) + 1),
        flags: Some(3),
        created: Some(Moment { seq: 100 * u64::from(domain), time: 20_000_000_000 + u64::from(domain) }),
        ended: Some(Moment { seq: 100 * u64::from(domain) + 90, time: 25_000_000_000 }),
        failed: false,
        allocated: amount(14, 4552),
        refused: 0,
        taken: amount(0, 0),
        freed: amount(13, 4480),
        given: amount(0, 0),
        live: amount(1, 72),
        pool: Some(pool),
    };
    let used = Pool { size: 1024, low: 41, takes: 983, backs: 983, failed: 0, extra: 6 };
    run.domains = (1..=6).map(|domain| guest(domain, used)).collect();
    let dom0 = DomainAccount {
        flags: Some(0),
        created: Some(Moment { seq: 1, time: 1_000_000_000 }),
        ended: None,
        pool: Some(Pool::default()),
        ..guest(0, used)
    };
    let failed = DomainAccount {
        flags: Some(1),
        failed: true,
        live: amount(0, 0),
        pool: Some(Pool { size: 256, low: 0, takes: 256, backs: 256, failed: 3, extra: 0 }),
        ..guest(6, used)
    };
    run.domains.insert(0, dom0);
    run.domains.push(DomainAccount { id: id(6, 8), ..failed });
    let pages = |stack, kind, charge, allocs, live| {
        let mut row = row(RowKey { charge, ..key(stack, kind, Domain::Id(1)) }, allocs, 4096, live);
        row.counters.failed = u64::from(kind == Kind::DomainPool) * 3;
        row
    };
    let dump = run.dump.as_mut().expect("a dump");
    dump.charged = Some(Charged {
        rows: vec![
            pages(13, Kind::DomainPool, Charge::Domain, 983, 0),
            pages(14, Kind::Domheap, Charge::NoRefcount, 6, 0),
        ],
        ..Charged::default()
    });
    run.profile.push(counted(row(key(15, Kind::Xmalloc, d0), 1, 64, 0), 0));
    let service = |stack, kind, calls, leaving, most, total| Service {
        stack: StackId(stack),
        kind,
        calls,
        leaving,
        most,
        // The two paths of domain_create are of one call.
        most_whole: if stack == 10 || stack == 11 { amount(4, 4312) } else { most },
        total,
    };
    run.services = vec![
        service(10, Kind::Xmalloc, 6, 6, amount(3, 216), amount(18, 1296)),
        service(11, Kind::Xenheap, 6, 6, amount(1, 4096), amount(6, 24576)),
        service(12, Kind::Xmalloc, 60, 2, amount(2, 48), amount(12, 288)),
        service(1, Kind::PoolGrowth, 1, 1, amount(1, 4096), amount(1, 4096)),
        service(15, Kind::Xmalloc, 1, 1, amount(1, 64), amount(1, 64)),
        service(4, Kind::Xmalloc, 1, 1, amount(1, 128), amount(1, 128)),
        service(3, Kind::Domheap, 256, 0, amount(0, 0), amount(0, 0)),
    ];
    run.totals.xmalloc.counters.bracketed = Some(48);
    run.facts.tables.as_mut().expect("tables").domains = Some(64);
    run.checks.retain(|check| check.id != CheckId::Sequence);
    run
}

/// The same with a hole in the log.
pub fn doubtful() -> Run {
    let mut guests = guests();
    guests.checks = run().checks;
    guests
}

/// A run in which an allocation was failed and domains were charged.
pub fn experiment() -> Run {
    let mut run = run();
    let target = Target { hash: 0x9be1_c0ff_ee12_3456, nth: 2 };
    let subject = Subject { how: How::Create, id: id(5, 7) };
    run.facts.experiment = Experiment {
        fail: Some(target),
        failed: Some(OnPurpose {
            target,
            seq: 18,
            kind: Kind::Xmalloc,
            bytes: 392,
            current: Domain::Id(0),
            cpu: 1,
            subject: Some(subject),
        }),
        charge: Some(Charging { payer: Payer::Owner, limit: Some(4 << 20), no_hwdom: false }),
    };
    let bill = |payer, n: u64| Bill {
        payer,
        allocs: 10 * n,
        bytes: 1000 * n,
        bytes_peak: 2000 * n,
        pages: 3 * n,
        pages_peak: 4 * n,
        peak: 18_000 * n,
        refused: n / 2,
        refused_bytes: n / 2 * 392,
    };
    let bills = vec![bill(None, 1), bill(Some(id(0, 1)), 2), bill(Some(id(5, 7)), 30)];
    run.dump = run.dump.map(|dump| Dump { bills, ..dump });
    run
}

pub fn report() -> Report {
    Report::new("boot-4.17-x86_64.log", run(), &Filter::default())
}

fn event(seq: u64, op: Op, kind: Kind, addr: u64, size: Option<u64>, stack: u32, current: Domain) -> Event {
    Event {
        seq,
        op,
        kind,
        addr,
        size,
        used: None,
        stack: StackId(stack),
        current,
        passed: None,
        charge: Charge::Nobody,
        memflags: 0,
        layer: 0,
        cpu: 0,
        time: seq,
        unknown: false,
        epoch: 0,
        bracketed: false,
        subject: None,
        untried: None,
    }
}

/// Some events that could belong to the run.
pub fn events() -> Vec<Event> {
    let (d0, d1) = (Domain::Id(0), Domain::Id(1));
    vec![
        event(1, Op::Alloc, Kind::PoolGrowth, 0x10000, Some(4096), 1, d0),
        event(2, Op::Alloc, Kind::Xmalloc, 0x10010, Some(392), 1, d0),
        event(3, Op::Alloc, Kind::Xmalloc, 0x10210, Some(392), 2, d0),
        event(4, Op::Alloc, Kind::Xmalloc, 0x20000, Some(9000), 1, d1),
        event(5, Op::Alloc, Kind::Domheap, 0x30000, Some(8192), 3, d0),
        event(6, Op::Give, Kind::Domheap, 0x30000, Some(8192), 3, d0),
        event(7, Op::Alloc, Kind::Xenheap, 0x50000, Some(4096), 0, Domain::Null),
        event(8, Op::Free, Kind::Xenheap, 0x50000, Some(4096), 4, Domain::Idle),
        event(9, Op::Fail, Kind::Xmalloc, 0, Some(1 << 30), 1, d1),
        event(10, Op::Free, Kind::Xmalloc, 0x20000, None, 3, d1),
        event(11, Op::Free, Kind::Xmalloc, 0x99990, None, 3, d0),
        event(12, Op::Take, Kind::Domheap, 0x70000, Some(4096), 5, d0),
    ]
}

/// The report with these events, as the ledger would match them.
pub fn report_with_events(filter: &Filter) -> Report {
    let mut log = rfc::EventLog::new();
    for event in events() {
        let freed = match event.seq {
            8 => Some(rfc::Freed { key: key(0, Kind::Xenheap, Domain::Null), size: 4096 }),
            10 => Some(rfc::Freed { key: key(1, Kind::Xmalloc, Domain::Id(1)), size: 9000 }),
            _ => None,
        };
        log.event(&event, freed);
    }
    let live = |seq, addr, bytes, key| rfc::Live { seq, addr, bytes, key };
    log.set_live(vec![
        live(1, 0x10000, 4096, key(1, Kind::PoolGrowth, Domain::Id(0))),
        live(2, 0x10010, 392, key(1, Kind::Xmalloc, Domain::Id(0))),
        live(3, 0x10210, 392, key(2, Kind::Xmalloc, Domain::Id(0))),
        live(12, 0x70000, 4096, key(5, Kind::Domheap, Domain::Id(0))),
    ]);
    Report::new("job", run(), filter).with_events(log)
}

pub fn render(renderer: &dyn xenheap_report::Render<[Report]>, reports: &[Report]) -> String {
    let mut out = Vec::new();
    renderer.render(reports, &mut out).expect("rendered into memory");
    String::from_utf8(out).expect("UTF-8")
}
