//! Probes: places in the code that a drill must reach *sometimes*, or it tests less than it seems to.
//!
//! A probe asserts nothing about a case. Over an ensemble of cases, though, each one must be reached: what
//! no case ever reaches, no checker ever judges. The catalogue is this enum, so "never reached" is a set
//! difference, and a probe that is not in it does not compile.
//!
//! In a production build [`reached`] and [`sometimes`] are empty.
//!
//! Deliberately not here: who counts over many cases (the harness does), and what is impossible in a
//! simulation (probes for what no case can reach would be noise).

macro_rules! probes {
    ($($(#[doc = $sentence:literal])+ $probe:ident,)+) => {
        /// A place that a drill must reach.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
        pub enum Probe {
            $($(#[doc = $sentence])+ $probe,)+
        }

        #[cfg(feature = "drill")]
        impl Probe {
            /// All of them, in the order of the code that they stand in.
            pub const ALL: &'static [Self] = &[$(Self::$probe,)+];

            /// Its name, as in the code.
            pub fn name(self) -> &'static str {
                match self {
                    $(Self::$probe => stringify!($probe),)+
                }
            }

            /// What happened when it was reached, in one sentence.
            pub fn sentence(self) -> &'static str {
                match self {
                    $(Self::$probe => concat!($($sentence,)+).trim(),)+
                }
            }
        }
    };
}

probes! {
    // The listing.
    /// A page of a listing ended in the middle of one key's versions.
    PageEndsWithinKey,
    /// A listing of a range of keys stopped at the range's end, with more pages behind it.
    RangeEndsEarly,
    /// The listing that the plan needs failed, and the machine refused.
    PlanListingFailed,
    /// Nobody may ask for the versioning state, so it is taken to be suspended.
    VersioningDenied,

    // Choosing the commit.
    /// As of a moment: a hint's commit was made later than that, and an older hint was tried.
    CommitTooNew,
    /// As of a moment: a hint's snapshot cannot be read, so the commit stays an alternative.
    CommitUndatable,
    /// No version of the hint survives, and the newest snapshot was taken.
    NewestSnapshot,
    /// No version of the hint survives, and several snapshots have no successor.
    SeveralHeads,
    /// The caller named a snapshot that no surviving version of the hint names.
    SnapshotWithoutHint,
    /// The hint cannot be read, and the machine refused.
    HintUnreadable,

    // Reading metadata.
    /// Metadata was read through its version id, below a delete marker.
    MetadataBelowMarker,
    /// Metadata was read through its version id, below a newer version.
    MetadataBelowVersion,
    /// A version of metadata was garbage, and the next one was tried.
    MetadataRejected,
    /// Archived metadata was read from another version with an equal tag.
    MetadataFromTwin,
    /// Metadata is archived, and nothing below it could be looked at.
    MetadataArchived,
    /// Metadata was gone when it was to be read, though it had been listed.
    MetadataVanished,
    /// Reading metadata was denied.
    MetadataDenied,
    /// The commit's snapshot is lost, and an older one was found to suggest.
    SnapshotAdvised,
    /// Inverted indexes were found by their keys, because no hint names them.
    IndexesFoundByKey,

    // The history.
    /// Old snapshots and all that is theirs alone are deleted, as a vacuum leaves it: they stay so.
    VacuumRecognised,
    /// Whether a vacuum took old snapshots is open, for a segment could not be read.
    VacuumUncertain,
    /// An ancestor is gone while segments are left that no snapshot names: destroyed.
    AncestorDestroyed,
    /// An ancestor is gone with everything that only it referenced: the history ends there.
    AncestorVacuumed,

    // Deciding.
    /// The right bytes are current.
    Intact,
    /// Several markers lie on top of the right bytes.
    StackedMarkers,
    /// A marker called `null` lies on top: a copy instead of a removal that could hit another version.
    NullMarker,
    /// Removing markers is denied: a copy instead.
    RemovalDeniedCopied,
    /// The version with the right bytes is a null version.
    NullVersionMatches,
    /// The right bytes lie below a version with other bytes.
    OverwrittenMatches,
    /// A copy would destroy the null version of a bucket whose versioning is suspended.
    CopyWouldDestroy,
    /// The only good version is archived.
    ArchivedOnly,
    /// The good version is archived, and an equal one is copied in its place.
    ArchivedTwinCopied,
    /// An archived version lies on top of the good one, and is not waited for.
    ArchivedOnTop,
    /// Nothing of the key is left.
    LostWithoutTrace,
    /// Only delete markers are left of the key.
    LostBelowMarkers,
    /// No surviving version has the size that the metadata states.
    LostBySize,
    /// The version that held the right bytes is gone since it was found.
    LostSinceFound,
    /// Equal tags proved equal bytes.
    EqualTags,
    /// A version was known to be a copy that this run made.
    OwnCopyKnown,
    /// Tags differ, and reading showed equal bytes.
    ReadEqual,
    /// Tags differ, and reading showed other bytes.
    ReadUnequal,
    /// Two versions could not be compared.
    NotComparable,

    // Sending.
    /// A request was put off and sent again.
    SentAgain,
    /// A request failed for the last time that it may.
    AttemptsUsedUp,
    /// More requests were ready than the window lets out.
    WindowFull,
    /// A body arrived shorter than listed.
    BodyCut,

    // Publishing.
    /// Part of the table is there and the hint is not: a run before this one came half-way.
    HalfPublished,
    /// A write may or may not have happened, and the machine looked.
    LookedAfterWrite,
    /// That look failed.
    LookFailed,
    /// The condition of a conditional write did not hold.
    ConditionLost,
    /// Removing one marker of a batch was denied.
    MarkerDenied,
    /// Removing one marker of a batch ended unclear.
    MarkerUnclear,
    /// A whole batch of markers was denied.
    BatchDenied,
    /// The hint was published with a conditional write.
    HintWritten,
    /// A write failed for good.
    WriteFailed,
    /// Somebody committed meanwhile, and that commit stays current.
    CommitStays,
    /// What somebody wrote over the hint is no commit.
    HintOverwritten,
    /// What stands on the hint turned out to be this machine's own write.
    OwnHintFound,
    /// It was told to stop in the middle of publishing.
    InterruptedApplying,

    // Verifying.
    /// The verification found something undone, and another round began.
    AnotherRound,
    /// The listing that was to verify could not be had.
    VerifyingFailed,
}

#[cfg(feature = "drill")]
mod sink {
    use std::cell::Cell;

    use super::Probe;

    thread_local! {
        static REACHED: Cell<u64> = const { Cell::new(0) };
    }

    const _: () = assert!(Probe::ALL.len() <= 64, "a set of probes is one word");

    /// The probes that were reached.
    #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
    pub struct ProbeSet(u64);

    impl ProbeSet {
        /// Whether it holds this probe.
        pub fn contains(self, probe: Probe) -> bool {
            self.0 & (1 << probe as u64) != 0
        }

        /// Its probes, in their order.
        pub fn iter(self) -> impl Iterator<Item = Probe> {
            Probe::ALL
                .iter()
                .copied()
                .filter(move |probe| self.contains(*probe))
        }

        /// One bit for each probe, in their order: a signature of what a case reached.
        pub fn bits(self) -> u64 {
            self.0
        }
    }

    /// This place was reached.
    pub fn reached(probe: Probe) {
        REACHED.set(REACHED.get() | 1 << probe as u64);
    }

    /// This place was reached, if the condition holds.
    pub fn sometimes(probe: Probe, condition: bool) {
        REACHED.set(REACHED.get() | u64::from(condition) << probe as u64);
    }

    /// What this thread has reached since it was last asked.
    pub fn take_reached() -> ProbeSet {
        ProbeSet(REACHED.replace(0))
    }
}

#[cfg(feature = "drill")]
pub use sink::{ProbeSet, reached, sometimes, take_reached};

/// Marks a place that a drill must reach: nothing, in a production build.
#[cfg(not(feature = "drill"))]
pub const fn reached(_probe: Probe) {}

/// Marks a condition that a drill must meet: nothing, in a production build.
#[cfg(not(feature = "drill"))]
pub const fn sometimes(_probe: Probe, _condition: bool) {}

#[cfg(all(test, feature = "drill"))]
mod tests {
    use super::*;

    #[test]
    fn a_set_holds_what_was_reached_since_it_was_last_taken() {
        take_reached();
        reached(Probe::BodyCut);
        sometimes(Probe::StackedMarkers, true);
        sometimes(Probe::ArchivedOnly, false);
        let set = take_reached();
        assert_eq!(
            set.iter().collect::<Vec<_>>(),
            [Probe::StackedMarkers, Probe::BodyCut]
        );
        assert!(!set.contains(Probe::ArchivedOnly));
        assert_eq!(take_reached(), ProbeSet::default());
    }

    #[test]
    fn each_probe_has_a_name_and_a_sentence_of_its_own() {
        for (nth, probe) in Probe::ALL.iter().enumerate() {
            assert_eq!(*probe as usize, nth);
            assert!(probe.sentence().ends_with('.'), "{probe:?}");
            let same = |other: &&Probe| other.sentence() == probe.sentence();
            assert_eq!(Probe::ALL.iter().filter(same).count(), 1, "{probe:?}");
        }
    }
}
