//! The atlas of a plain prefix: every key under it stands for itself.

use firedrill_core::amend::Class;
use firedrill_core::object::Key;

use crate::atlas::{Atlas, Expected, Known, Must};
use crate::oracle::log::Held;
use crate::scenario::Target;

/// Adds every key that has something to come back.
pub(crate) fn fill(known: Known<'_>, atlas: &mut Atlas) {
    let moment = match &known.amend.target {
        Target::AsOf { commit, plus_ms } => {
            let commit = (*commit).min(known.truth.commits.len() - 1);
            Some(known.truth.commits[commit].time.0 + plus_ms * 1000)
        }
        _ => None,
    };
    let mut any = false;
    for (key, history) in known.log.under(&known.truth.prefix) {
        any = true;
        let wanted = match moment {
            None => history.iter().find(|held| held.body.is_some()),
            Some(moment) => as_of(history, moment),
        };
        match wanted {
            Some(matched) => {
                atlas.referenced.insert(key.clone());
                add(known, key, history, matched, atlas);
            }
            // A key that never had bytes, or had none at the time: whether it is named is open.
            None => add_free(key, atlas),
        }
    }
    if !any {
        atlas.refuse = Some("nothing is under the prefix");
    }
    if atlas.objects.is_empty() || atlas.objects.values().all(|object| object.must.is_free()) {
        atlas.may_refuse = true;
    }
    atlas.roots = atlas.objects.keys().cloned().collect();
}

fn as_of(history: &[Held], moment: i64) -> Option<&Held> {
    let then = history
        .iter()
        .find(|held| held.second * 1_000_000 <= moment);
    then.filter(|held| held.body.is_some())
}

fn add(known: Known<'_>, key: &Key, history: &[Held], matched: &Held, atlas: &mut Atlas) {
    let right = matched.body.clone().expect("only data versions match");
    let must = known.reach(history, matched, &right);
    let expected = Expected {
        class: Class::Object,
        required: true,
        must,
        right,
        children: Vec::new(),
    };
    atlas.objects.insert(key.clone(), expected);
}

fn add_free(key: &Key, atlas: &mut Atlas) {
    let expected = Expected {
        class: Class::Object,
        required: true,
        must: Must::Free("whether a key without bytes is named is open"),
        right: bytes::Bytes::new(),
        children: Vec::new(),
    };
    atlas.objects.insert(key.clone(), expected);
}
