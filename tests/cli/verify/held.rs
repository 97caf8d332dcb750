//! What only the digest of a result holds.

/// Leaves that follow from no other part of a result, and why. A `*` is any name or number, and
/// what ends with `**` is everything below.
pub(super) const HELD_BY_THE_DIGEST_ALONE: &[(&str, &str)] = &[
    ("/ack_stack/*/events", MEASURED),
    ("/ack_stack/*/host_ns", MEASURED),
    ("/ack_stack/*/percentile", MEASURED),
    ("/ack_stack/*/stalled_ns", MEASURED),
    ("/apps/*/garbage", COUNTED),
    ("/apps/*/keeping_up/**", SLOPE),
    ("/apps/*/segments/**", ANSWER),
    ("/apps/*/summary/dropped", ANSWER),
    ("/apps/*/summary/flags/**", ANSWER),
    ("/apps/*/summary/frames/**", ANSWER),
    ("/apps/*/summary/sections/**", ANSWER),
    ("/apps/*/summary/totals/users", ANSWER),
    ("/apps/*/stack/*/host_ns", MEASURED),
    ("/apps/*/stack/*/stalled_ns", MEASURED),
    ("/broker/advertised/*", CONDITION),
    ("/broker/bootstrap_servers", CONDITION),
    ("/broker/topic/configs/*", CONDITION),
    ("/broker/topic/replicas/*", CONDITION),
    ("/broker/topic/starts/*", CONDITION),
    ("/broker/versions/**", CONDITION),
    ("/broker_keeping_up/**", SLOPE),
    ("/build/**", CONDITION),
    ("/clients/**", CONDITION),
    ("/command_line/*", CONDITION),
    ("/cpu/*/threads", MEASURED),
    ("/cpu/*/kind", MEASURED),
    ("/cpu/*/wait_s", MEASURED),
    ("/duration_s", MEASURED),
    ("/embedded_broker/**", CONDITION),
    ("/end_lag/by_broker/*", MEASURED),
    ("/end_lag/by_receipts/*", MEASURED),
    ("/end_lag/outstanding", MEASURED),
    ("/hiccups/cores", MEASURED),
    ("/hiccups/longest_at_s", MEASURED),
    ("/hiccups/longest_ns", MEASURED),
    ("/hiccups/stalls", MEASURED),
    ("/host/**", CONDITION),
    ("/ledger/apps/*/foreign", COUNTED),
    ("/ledger/apps/*/redeliveries", COUNTED),
    ("/plan/kafka/bootstrap_servers", CONDITION),
    ("/series/*/apps/*/lag_records", MEASURED),
    ("/series/*/apps/*/lag_s", MEASURED),
    ("/series/*/host_stall_ns", MEASURED),
    ("/series/*/unanswered", MEASURED),
    ("/verdict/interrupted_by", CONDITION),
    ("/watch/broker_on_this_host", CONDITION),
    ("/watch/broker_cpu/**", MEASURED),
    ("/watch/busiest/**", MEASURED),
    ("/watch/ceiling_per_s", MEASURED),
    ("/watch/cpu_idle_ms_per_s", MEASURED),
    ("/watch/cpu_measured_s", MEASURED),
    ("/watch/cpu_s", MEASURED),
    ("/watch/cpu_us_per_event", MEASURED),
    ("/watch/cpu_us_per_event_more", MEASURED),
    ("/watch/cpu_us_per_event_more_unknown", MEASURED),
    ("/watch/lag_at_end_records", MEASURED),
    ("/watch/lag_at_end_s", MEASURED),
    ("/watch/memory_peak_bytes", MEASURED),
    ("/watch/most_waiting/**", MEASURED),
    ("/watch/wall_step_max_us", MEASURED),
    ("/watch/wall_step_us", MEASURED),
    ("/wire/*", MEASURED),
];

/// Why it is in the list.
const ANSWER: &str = "an application's answer beyond its totals; `kbench replay` of the topic \
    gives it again";
const CONDITION: &str = "a condition: read from host, broker or client, and from nothing else";
const COUNTED: &str = "counted once, harmless at any number, and in no other sum";
const SLOPE: &str = "a slope of the lags with its bounds: by kbench's own trend from the series, \
    which is not computed a second time";
const MEASURED: &str = "measured once, and a part of nothing else that is kept";
