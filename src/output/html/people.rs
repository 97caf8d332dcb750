//! What a run's page says of the people behind the load.

use maud::{Markup, html};

use crate::result::{PhaseSessions, RunResult};

/// How the sessions of each phase lived, beside what was meant.
pub(super) fn sessions(result: &RunResult) -> Markup {
    let lived = result.phases.iter().filter_map(|phase| Some((phase, phase.sessions.as_ref()?)));
    html! {
        @if result.phases.iter().any(|phase| phase.sessions.is_some()) {
            h2 { "People" }
            p.soft {
                "Sessions alive and those that the rate needs for none to hurry, at an event on \
                 average; how many times as fast as configured they lived; pauses and lengths as \
                 they came out, and as configured. Planted sessions and hot users have a pace of \
                 their own."
            }
            div.scroll tabindex="0" {
                table {
                    thead {
                        tr {
                            th { "phase" }
                            @for head in PhaseSessions::HEADS { th scope="col" { (head) } }
                        }
                    }
                    tbody {
                        @for (phase, sessions) in lived {
                            tr {
                                th scope="row" {
                                    (phase.name)
                                    @if phase.warmup { " (not measured)" }
                                }
                                @for cell in sessions.cells() { td { (cell) } }
                            }
                        }
                    }
                }
            }
        }
    }
}
