//! Which requests of machines are moments that matter, and what is said of each.

use std::collections::{BTreeMap, BTreeSet};

use firedrill_sim::trace::TraceEvent;

use super::{Moment, Plot, Sort, is_request};
use crate::part::Part;
use crate::report::page::Tone;

impl Plot<'_> {
    /// Every request that matters.
    pub(super) fn requests(self, slice: &BTreeSet<u64>, shown: &BTreeSet<u64>) -> Vec<Moment> {
        let mut caused: BTreeMap<u64, Vec<&TraceEvent>> = BTreeMap::new();
        for event in self.events() {
            if matches!(event.kind, "applied" | "removed" | "reply") {
                caused.entry(event.cause).or_default().push(event);
            }
        }
        let sent = self.events().iter().filter(|event| is_request(event.kind));
        sent.flat_map(|event| {
            let of = caused.get(&event.seq).map_or(&[][..], Vec::as_slice);
            self.request(event, of, slice, shown)
        })
        .collect()
    }

    /// One request in at most two moments: what it did, and what its sender heard if that was not it.
    fn request(
        self,
        sent: &TraceEvent,
        caused: &[&TraceEvent],
        slice: &BTreeSet<u64>,
        shown: &BTreeSet<u64>,
    ) -> Vec<Moment> {
        let find = |kind| caused.iter().find(|event| event.kind == kind).copied();
        let (applied, reply) = (find("applied"), find("reply"));
        let noted = [Some(sent), applied].into_iter().flatten();
        let mut parts: Vec<Part> = noted
            .flat_map(|event| &event.note.faults)
            .map(|fault| Part::Fault(*fault))
            .collect();
        parts.dedup();
        let changes = || {
            let at = applied.map(|applied| applied.seq);
            self.changes
                .iter()
                .filter(move |change| at == Some(change.seq))
        };
        let ours = changes().any(|change| self.keys.contains(&change.key));
        let failed = reply.is_some_and(|reply| reply.detail != "ok");
        let seen = [
            Some(sent.seq),
            applied.map(|event| event.seq),
            reply.map(|event| event.seq),
        ];
        let shows = seen.iter().flatten().any(|seq| shown.contains(seq))
            || caused.iter().any(|event| shown.contains(&event.seq));
        let caused_it = slice.contains(&sent.seq);
        let weight = match () {
            () if shows => 0,
            () if !parts.is_empty() && caused_it => 1,
            () if ours => 2,
            () if failed && caused_it => 3,
            () if !parts.is_empty() => 5,
            () => return Vec::new(),
        };
        let (effect, tone) = self.effects(changes());
        let hears = reply.map_or(String::new(), |reply| match reply.note.words.as_str() {
            "" => reply.detail.clone(),
            words => self.names.shorten(words),
        });
        let note = match applied {
            Some(applied) => self.names.shorten(&applied.note.words),
            None if hears.is_empty() => "it ends with its sender".into(),
            None => format!("not performed: {hears}"),
        };
        let words = match (ours, effect.is_empty(), note.is_empty()) {
            // What became of the keys says which request it was.
            (true, ..) => effect,
            (_, false, _) => format!("{}; {effect}", self.asked(sent)),
            (_, _, false) => format!("{}; {note}", self.asked(sent)),
            _ => self.asked(sent),
        };
        let what = applied.unwrap_or(sent);
        let lane = self.lane(sent.host);
        // What went wrong without a fault is said of the request itself.
        let heard = reply.filter(|_| failed && applied.is_some() && !parts.is_empty());
        let struck = self.struck(&parts);
        let mut covers: Vec<u64> = vec![sent.seq];
        covers.extend(caused.iter().map(|event| event.seq));
        covers.retain(|seq| heard.is_none_or(|heard| heard.seq != *seq));
        let asked = Moment {
            seq: Some(what.seq),
            at: Some(what.at),
            sort: Sort::Request,
            lane,
            towards: Some(self.storage()),
            is_broken: applied.is_none(),
            words: if heard.is_none() {
                format!("{struck}{words}")
            } else {
                words
            },
            parts: if heard.is_none() {
                parts.clone()
            } else {
                Vec::new()
            },
            tone: match tone {
                Tone::Plain if !parts.is_empty() && heard.is_none() => Tone::Warn,
                tone => tone,
            },
            violates: false,
            covers,
            weight,
        };
        let heard = heard.map(|reply| Moment {
            seq: Some(reply.seq),
            at: Some(reply.at),
            sort: Sort::Answer,
            lane: self.storage(),
            towards: Some(lane),
            is_broken: true,
            words: format!("{struck}hears {hears}"),
            parts,
            tone: Tone::Warn,
            violates: false,
            covers: vec![reply.seq],
            weight,
        });
        std::iter::once(asked).chain(heard).collect()
    }

    /// The classes of the faults that struck.
    fn struck(self, parts: &[Part]) -> String {
        let class = |part: &Part| match part {
            Part::Fault(nth) => self.scenario.faults.get(*nth).map(|fault| fault.class()),
            _ => None,
        };
        let classes: Vec<&str> = parts.iter().filter_map(class).collect();
        match classes.is_empty() {
            true => String::new(),
            false => format!("{}: ", classes.join(", ")),
        }
    }

    /// A request in words: which, and on what.
    fn asked(self, sent: &TraceEvent) -> String {
        let key = match sent.entity.as_str() {
            "" => String::new(),
            key => format!(" {}", self.names.shorten(key)),
        };
        let version = match sent.kind {
            "read" | "digest" => format!(" {}", self.names.shorten(&sent.note.words)),
            _ => String::new(),
        };
        format!("{}{key}{version}", sent.kind)
    }
}
