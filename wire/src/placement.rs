//! Who performs which of a scenario's faults: the server, or the network before a connection comes about.

use firedrill_s3_mock::{Effect, Fault, Operation, Position};

/// Where each of a scenario's faults is kept.
#[derive(Debug, Default)]
pub(crate) struct Placement {
    /// Denials of removing versions that are the bucket's own, and no fault. The server has them first.
    pub(crate) policy: Vec<Fault>,
    places: Vec<Place>,
}

#[derive(Debug, Clone, Copy)]
enum Place {
    /// Its number there, the policy's not counted.
    Server(usize),
    /// Its number there.
    Network(usize),
}

impl Placement {
    /// Places the faults; answers those of the server, the policy's among them, and those of the network: a
    /// connection that is refused never reaches the server.
    pub(crate) fn of(
        faults: Vec<Fault>,
        denies_version_delete: bool,
    ) -> (Self, Vec<Fault>, Vec<Fault>) {
        let policy = policy(denies_version_delete);
        let (mut server, mut network, mut places) = (Vec::new(), Vec::new(), Vec::new());
        for fault in faults {
            let refuses = fault.position == Position::Before
                && matches!(fault.effect, Effect::Reset { .. })
                && fault.operation != Operation::DeleteObjectVersion;
            if refuses {
                places.push(Place::Network(network.len()));
                network.push(fault);
            } else {
                places.push(Place::Server(server.len()));
                server.push(fault);
            }
        }
        let server = [policy.clone(), server].concat();
        (Self { policy, places }, server, network)
    }

    /// The scenario's faults end; the policy stays.
    pub(crate) fn heal(&mut self) {
        self.places.clear();
    }

    /// How often each of the scenario's faults has struck.
    pub(crate) fn fired(&self, server: &[u64], network: &[u64]) -> Vec<u64> {
        let skipped = self.policy.len();
        let fired = |place: &Place| match place {
            Place::Server(number) => server[number + skipped],
            Place::Network(number) => network[*number],
        };
        self.places.iter().map(fired).collect()
    }
}

/// Where removing versions is denied for good, as by a policy or MFA delete, every deletion that names one is.
pub(crate) fn policy(denies_version_delete: bool) -> Vec<Fault> {
    let denial = Fault {
        operation: Operation::DeleteObjectVersion,
        key: None,
        nth: 1,
        times: None,
        position: Position::Before,
        effect: Effect::Denied,
    };
    denies_version_delete
        .then_some(denial)
        .into_iter()
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fault(position: Position, effect: Effect) -> Fault {
        Fault {
            operation: Operation::GetObject,
            key: None,
            nth: 1,
            times: None,
            position,
            effect,
        }
    }

    #[test]
    fn each_fault_is_counted_where_it_is_performed() {
        let reset = Effect::Reset { after_bytes: 0 };
        let faults = vec![
            fault(Position::Before, Effect::Unavailable),
            fault(Position::Before, reset),
            fault(Position::During, reset),
        ];
        let (mut placement, server, network) = Placement::of(faults, true);
        assert_eq!((server.len(), network.len()), (3, 1));
        assert_eq!(server[0].operation, Operation::DeleteObjectVersion);
        assert_eq!(placement.fired(&[7, 1, 2], &[3]), [1, 3, 2]);
        placement.heal();
        assert!(placement.fired(&[7], &[]).is_empty());
    }
}
