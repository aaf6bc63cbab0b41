//! Requests and answers in a few words, for the notes of a trace that is kept to be read.

use firedrill_core::object::{Answer, Condition, Failure, Key, Reply, Request, VersionId};

/// What a request asks for besides its operation and its key.
pub fn request(request: &Request) -> String {
    match request {
        Request::GetVersioning => String::new(),
        Request::ListVersions { after, .. } => match after {
            None => "from the start".into(),
            Some(cursor) => match &cursor.version {
                None => format!("behind {}", cursor.key),
                Some(version) => format!("behind {version} of {}", cursor.key),
            },
        },
        Request::Read { version, .. } | Request::Digest { version, .. } => version.to_string(),
        Request::RemoveMarkers { markers } => {
            let one = |(key, version): &(Key, VersionId)| format!("{version} of {key}");
            markers.iter().map(one).collect::<Vec<_>>().join(", ")
        }
        Request::Copy {
            version, condition, ..
        } => format!("{version} on top, {}", told(condition)),
        Request::Put {
            body, condition, ..
        } => format!("{} bytes on top, {}", body.len(), told(condition)),
    }
}

/// What an answer says besides its outcome.
pub fn reply(reply: &Reply) -> String {
    match reply {
        Ok(Answer::Versioning(versioning)) => format!("{versioning:?}").to_lowercase(),
        Ok(Answer::Page { entries, next }) => {
            let more = if next.is_some() { ", and more" } else { "" };
            match entries.len() {
                1 => format!("1 entry{more}"),
                count => format!("{count} entries{more}"),
            }
        }
        Ok(Answer::Body(body)) => format!("{} bytes", body.len()),
        Ok(Answer::Digest { size, .. }) => format!("{size} bytes"),
        Ok(Answer::Removed(results)) => {
            let refused: Vec<String> = results
                .iter()
                .filter_map(|result| Some(result.as_ref().err()?.to_string()))
                .collect();
            refused.join(", ")
        }
        Ok(Answer::Written { version }) => version
            .as_ref()
            .map_or(String::new(), |version| format!("as {version}")),
        Err(Failure::Determinate(cause)) => cause.to_string(),
        Err(Failure::Indeterminate(cause)) => format!("{cause}; done or not?"),
    }
}

fn told(condition: &Condition) -> &'static str {
    match condition {
        Condition::Absent => "if nothing is current",
        Condition::Matches(_) => "if what was seen is still current",
    }
}
