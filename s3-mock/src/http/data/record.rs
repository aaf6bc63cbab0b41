//! A record's payload: lines of JSON that say what happened, and the bodies that they speak of.
//!
//! ```text
//!  u32 length of the JSON │ JSON: [event, event, …] │ bodies, in the order of the events that have one
//! ```
//!
//! JSON, because a person can read it (`strings DIR/log`) and a later release can add to it; an event or a field
//! that this release does not know is refused and not passed over.

use std::collections::BTreeMap;
use std::sync::Arc;

use bytes::Bytes;
use serde::{Deserialize, Serialize};

use super::Event;
use crate::change::{Change, Kind, Knobs};
use crate::object::{Stored, Version};
use crate::{PutOptions, StorageClass, Time, Versioning};

/// An event without bodies.
#[derive(Debug, Serialize, Deserialize)]
#[serde(tag = "event", rename_all = "kebab-case", deny_unknown_fields)]
enum Line {
    BucketCreated {
        bucket: String,
        created: Time,
    },
    BucketDeleted {
        bucket: String,
    },
    Version {
        bucket: String,
        key: Arc<str>,
        id: Arc<str>,
        sequence: u64,
        last_modified: Time,
        size: u64,
        etag: String,
        #[serde(default, skip_serializing_if = "is_default")]
        storage_class: StorageClass,
        #[serde(default, skip_serializing_if = "is_default")]
        restored: bool,
        #[serde(default, skip_serializing_if = "is_default")]
        content_type: Option<String>,
        #[serde(default, skip_serializing_if = "is_default")]
        metadata: BTreeMap<String, String>,
    },
    Marker {
        bucket: String,
        key: Arc<str>,
        id: Arc<str>,
        sequence: u64,
        last_modified: Time,
    },
    Removed {
        bucket: String,
        key: Arc<str>,
        id: Arc<str>,
    },
    Class {
        bucket: String,
        key: Arc<str>,
        id: Arc<str>,
        storage_class: StorageClass,
        restored: bool,
    },
    Versioning {
        bucket: String,
        state: Versioning,
    },
    Knobs {
        bucket: String,
        page_size_max: u32,
        foreign_etags: bool,
    },
    Sequence {
        bucket: String,
        sequence: u64,
    },
    Forgotten {
        bucket: String,
        id: Arc<str>,
        sequence: u64,
    },
    UploadBegun {
        upload: String,
        bucket: String,
        key: String,
        #[serde(default, skip_serializing_if = "is_default")]
        storage_class: StorageClass,
        #[serde(default, skip_serializing_if = "is_default")]
        content_type: Option<String>,
        metadata: Option<BTreeMap<String, String>>,
    },
    PartStored {
        upload: String,
        number: i32,
        size: u64,
    },
    UploadEnded {
        upload: String,
    },
}

fn is_default<T: Default + PartialEq>(value: &T) -> bool {
    *value == T::default()
}

/// Writes events behind what is in `out`.
pub(super) fn encode(events: &[Event], out: &mut Vec<u8>) {
    let lines: Vec<Line> = events.iter().map(line).collect();
    let length_at = out.len();
    out.extend_from_slice(&[0; 4]);
    serde_json::to_writer(&mut *out, &lines).expect("lines have only texts as keys of their maps");
    let length = u32::try_from(out.len() - length_at - 4).expect("names and times fill no 4 GB");
    out[length_at..length_at + 4].copy_from_slice(&length.to_le_bytes());
    for body in events.iter().filter_map(body) {
        out.extend_from_slice(body);
    }
}

/// Reads a payload whose checksum is right. Err: what in it is not understood.
pub(super) fn decode(mut payload: Bytes) -> Result<Vec<Event>, String> {
    if payload.len() < 4 {
        return Err("it is too short".into());
    }
    let head = payload.split_to(4);
    let length = u32::from_le_bytes([head[0], head[1], head[2], head[3]]) as usize;
    if length > payload.len() {
        return Err("its text is longer than the record".into());
    }
    let text = payload.split_to(length);
    let lines: Vec<Line> = serde_json::from_slice(&text).map_err(|error| error.to_string())?;
    let events = lines
        .into_iter()
        .map(|line| event(line, &mut payload))
        .collect::<Result<Vec<Event>, String>>()?;
    match payload.len() {
        0 => Ok(events),
        left => Err(format!("{left} bytes belong to nothing")),
    }
}

fn body(event: &Event) -> Option<&Bytes> {
    match event {
        Event::PartStored { body, .. } => Some(body),
        Event::Changed {
            change: Change(Kind::Stored { stored, .. }),
            ..
        } => stored.version.as_ref().map(|version| &version.body),
        _ => None,
    }
}

fn line(event: &Event) -> Line {
    match event.clone() {
        Event::BucketCreated { bucket, created } => Line::BucketCreated { bucket, created },
        Event::BucketDeleted { bucket } => Line::BucketDeleted { bucket },
        Event::Changed { bucket, change } => line_of_change(bucket, change),
        Event::UploadBegun {
            upload,
            bucket,
            key,
            options,
        } => Line::UploadBegun {
            upload,
            bucket,
            key,
            storage_class: options.storage_class,
            content_type: options.content_type,
            metadata: options.metadata,
        },
        Event::PartStored {
            upload,
            number,
            body,
        } => Line::PartStored {
            upload,
            number,
            size: body.len() as u64,
        },
        Event::UploadEnded { upload } => Line::UploadEnded { upload },
    }
}

fn line_of_change(bucket: String, change: Change) -> Line {
    match change.0 {
        Kind::Stored { key, stored } => {
            let Stored {
                sequence,
                id,
                last_modified,
                version,
            } = stored;
            let Some(version) = version else {
                return Line::Marker {
                    bucket,
                    key,
                    id,
                    sequence,
                    last_modified,
                };
            };
            Line::Version {
                bucket,
                key,
                id,
                sequence,
                last_modified,
                size: version.body.len() as u64,
                etag: version.etag.to_string(),
                storage_class: version.storage_class,
                restored: version.restored,
                content_type: version.content_type.clone(),
                metadata: version.metadata.clone(),
            }
        }
        Kind::Removed { key, id } => Line::Removed { bucket, key, id },
        Kind::Class {
            key,
            id,
            storage_class,
            restored,
        } => Line::Class {
            bucket,
            key,
            id,
            storage_class,
            restored,
        },
        Kind::Versioning(state) => Line::Versioning { bucket, state },
        Kind::Knobs(knobs) => Line::Knobs {
            bucket,
            page_size_max: knobs.page_size_max,
            foreign_etags: knobs.foreign_etags,
        },
        Kind::Sequence(sequence) => Line::Sequence { bucket, sequence },
        Kind::Forgotten { id, sequence } => Line::Forgotten {
            bucket,
            id,
            sequence,
        },
    }
}

/// The event of a line, with its body from the front of `bodies`.
fn event(line: Line, bodies: &mut Bytes) -> Result<Event, String> {
    Ok(match line {
        Line::BucketCreated { bucket, created } => Event::BucketCreated { bucket, created },
        Line::BucketDeleted { bucket } => Event::BucketDeleted { bucket },
        Line::UploadBegun {
            upload,
            bucket,
            key,
            storage_class,
            content_type,
            metadata,
        } => Event::UploadBegun {
            upload,
            bucket,
            key,
            options: PutOptions {
                condition: None,
                etag: None,
                storage_class,
                content_type,
                metadata,
            },
        },
        Line::PartStored {
            upload,
            number,
            size,
        } => Event::PartStored {
            upload,
            number,
            body: split(bodies, size)?,
        },
        Line::UploadEnded { upload } => Event::UploadEnded { upload },
        line => {
            let (bucket, kind) = change(line, bodies)?;
            let change = Change(kind);
            Event::Changed { bucket, change }
        }
    })
}

fn change(line: Line, bodies: &mut Bytes) -> Result<(String, Kind), String> {
    Ok(match line {
        Line::Version {
            bucket,
            key,
            id,
            sequence,
            last_modified,
            size,
            etag,
            storage_class,
            restored,
            content_type,
            metadata,
        } => {
            let version = Version {
                body: split(bodies, size)?,
                etag: etag.into(),
                storage_class,
                restored,
                content_type,
                metadata,
            };
            let stored = Stored {
                sequence,
                id,
                last_modified,
                version: Some(Arc::new(version)),
            };
            (bucket, Kind::Stored { key, stored })
        }
        Line::Marker {
            bucket,
            key,
            id,
            sequence,
            last_modified,
        } => {
            let stored = Stored {
                sequence,
                id,
                last_modified,
                version: None,
            };
            (bucket, Kind::Stored { key, stored })
        }
        Line::Removed { bucket, key, id } => (bucket, Kind::Removed { key, id }),
        Line::Class {
            bucket,
            key,
            id,
            storage_class,
            restored,
        } => {
            let kind = Kind::Class {
                key,
                id,
                storage_class,
                restored,
            };
            (bucket, kind)
        }
        Line::Versioning { bucket, state } => (bucket, Kind::Versioning(state)),
        Line::Knobs {
            bucket,
            page_size_max,
            foreign_etags,
        } => {
            let knobs = Knobs {
                page_size_max,
                foreign_etags,
            };
            (bucket, Kind::Knobs(knobs))
        }
        Line::Sequence { bucket, sequence } => (bucket, Kind::Sequence(sequence)),
        Line::Forgotten {
            bucket,
            id,
            sequence,
        } => (bucket, Kind::Forgotten { id, sequence }),
        _ => return Err("an event of no bucket".into()),
    })
}

/// A body's own copy: a slice would keep its whole record in memory.
fn split(bodies: &mut Bytes, size: u64) -> Result<Bytes, String> {
    let size = usize::try_from(size).unwrap_or(usize::MAX);
    if size > bodies.len() {
        return Err("a body is longer than the record".into());
    }
    Ok(Bytes::copy_from_slice(&bodies.split_to(size)))
}
