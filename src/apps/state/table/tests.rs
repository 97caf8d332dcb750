use std::collections::HashMap;

use proptest::prelude::*;

use super::*;

fn sorted(table: &NameTable<u32>) -> Vec<(String, u32)> {
    let mut all: Vec<_> = table.iter().map(|(name, value)| (name.to_string(), *value)).collect();
    all.sort();
    all
}

fn of(model: &HashMap<String, u32>) -> Vec<(String, u32)> {
    let mut all: Vec<_> = model.iter().map(|(name, value)| (name.clone(), *value)).collect();
    all.sort();
    all
}

/// Every name is found where the table looks for it.
fn check(table: &NameTable<u32>, model: &HashMap<String, u32>) {
    assert_eq!((sorted(table), table.len()), (of(model), model.len()));
    for (name, value) in model {
        assert_eq!(table.get(name), Some(value), "{name}");
    }
    for shard in &table.shards {
        assert!(shard.len * 1_024 <= shard.slots.len() * shard.full);
    }
}

proptest! {
    #[test]
    fn it_does_what_the_standard_library_s_map_does(
        steps in prop::collection::vec((0..8_u8, 0..60_u32), 0..400),
    ) {
        let (mut table, mut model) = (NameTable::new(), HashMap::new());
        for (what, number) in steps {
            let name = format!("user-{number}");
            match what {
                0..5 => {
                    *table.get_or_insert_with(&name, || 0) += 1;
                    *model.entry(name).or_insert(0) += 1;
                }
                5..7 => {
                    let removed = table.remove(&name).map(|(_, value)| value);
                    prop_assert_eq!(removed, model.remove(&name));
                }
                _ => {
                    table.retain(|value| (value + number) % 3 > 0);
                    model.retain(|_, value| (*value + number) % 3 > 0);
                }
            }
            prop_assert_eq!(table.get("nobody"), None);
        }
        check(&table, &model);
    }

    #[test]
    fn two_become_one(
        ours in prop::collection::hash_map("[a-f]{1,3}", 0..9_u32, 0..200),
        theirs in prop::collection::hash_map("[a-f]{1,3}", 0..9_u32, 0..200),
    ) {
        let table = |model: &HashMap<String, u32>| {
            let mut table = NameTable::new();
            for (name, value) in model {
                table.get_or_insert_with(name, || *value);
            }
            table
        };
        let mut both = table(&ours);
        both.merge(table(&theirs), |here, there| *here += there);
        let mut model = ours;
        for (name, value) in theirs {
            *model.entry(name).or_insert(0) += value;
        }
        check(&both, &model);
    }
}

#[test]
fn names_stand_close_to_their_homes_however_the_table_grew() {
    let mut whole = NameTable::new();
    for part in 0..8 {
        let mut table = NameTable::new();
        for user in 0..10_000 {
            table.get_or_insert_with(&format!("user-{part}-{user}"), || 0_u32);
        }
        whole.merge(table, |_, _| panic!("nobody is in two parts"));
    }
    let far = |(at, slot): (usize, &Option<(CompactString, u32)>), shard: &TableShard<u32>| {
        let home = slot.as_ref().map(|(name, _)| shard.home(hash_of(name.as_bytes())))?;
        Some(at.wrapping_sub(home) & (shard.slots.len() - 1))
    };
    let of = |shard: &TableShard<u32>| -> Vec<usize> {
        shard.slots.iter().enumerate().filter_map(|slot| far(slot, shard)).collect()
    };
    let far: Vec<usize> = whole.shards.iter().flat_map(of).collect();
    assert_eq!(far.len(), 80_000);
    let mean = far.iter().sum::<usize>() as f64 / far.len() as f64;
    // At three quarters it would be Knuth's (1/(1-0.75) - 1)/2, one and a half steps beyond
    // the first.
    assert!(mean < 1.0, "{mean}");
}

#[test]
fn it_grows_in_small_steps_evenly_spread() {
    let mut table = NameTable::new();
    let mut steps = Vec::new();
    for user in 0..400_000_usize {
        let sizes = |table: &NameTable<()>| -> Vec<usize> {
            table.shards.iter().map(|shard| shard.slots.len()).collect()
        };
        let before = sizes(&table);
        table.get_or_insert_with(&format!("user-{user:06}"), || ());
        let grown = before.iter().zip(&sizes(&table)).position(|(before, after)| before < after);
        if let Some(grown) = grown.filter(|_| user >= 50_000) {
            let moved = table.shards[grown].len;
            assert!(moved * 6 < table.len(), "{moved} of {} at once", table.len());
            steps.push(user as f64);
        }
    }
    // Eight steps for each doubling, each some 9 % after the one before.
    let ratios = steps.windows(2).map(|pair| pair[1] / pair[0]);
    assert!((22..=26).contains(&steps.len()), "{}", steps.len());
    let longest = ratios.fold(1.0, f64::max);
    assert!(longest < 1.15, "{longest}");
}
