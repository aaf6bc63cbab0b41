//! Tasks: what a runtime does for a salvage. Each reads some ranges, and is then a pure function of the bytes.

use serde::{Deserialize, Serialize};

use crate::voron::headers::FileHeader;

use super::carve::{Carve, Carved, Pass, Replay, Replayed, Touch};
use super::content::{Content, Hashed};
use super::extract::{Extracted, Extraction};
use super::file::{FileId, Piece, Read, Reader};
use super::mend::{Assembled, Assembly, Mended, Mending};
use super::render::{Render, Rendered};
use super::survey::{Search, Survey, Surveyed};

/// More than a header file has.
const HEADER_BYTES_MAX: u64 = 4096;

/// One thing to do. Tasks that are given out together are independent of one another.
#[derive(Debug, Clone)]
#[allow(missing_docs, reason = "each is what its content says")]
pub enum Task {
    Header(FileId),
    Survey(Survey),
    Search(Search),
    Assembly(Assembly),
    Mending(Mending),
    Carve(Carve),
    Touch(Touch),
    Replay(Replay),
    Extraction(Extraction),
    Content(Content),
    Render(Box<Render>),
}

/// What came of it.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[allow(missing_docs, reason = "each is what its content says")]
pub enum Findings {
    /// Last synced transaction and revision, if the header is whole.
    Header(Option<(u64, u64)>),
    Surveyed(Surveyed),
    Assembled(Option<Assembled>),
    Mended(Mended),
    Carved(Carved),
    Touched(Vec<Pass>),
    Replayed(Replayed),
    Extracted(Extracted),
    Hashed(Vec<Hashed>),
    Rendered(Rendered),
}

impl Task {
    /// Does it. Any thread may.
    pub fn run(&self, reader: &mut dyn Reader) -> Findings {
        match self {
            Self::Header(file) => {
                let range = 0..HEADER_BYTES_MAX;
                let piece = reader.read(&Read { file: *file, range });
                let header = FileHeader::read(&piece.bytes).ok();
                Findings::Header(
                    header.map(|header| (header.revision, header.last_synced_transaction)),
                )
            }
            Self::Survey(survey) => Findings::Surveyed(looked(reader, &survey.read(), |piece| {
                survey.examine(piece)
            })),
            Self::Search(search) => Findings::Surveyed(looked(reader, &search.read(), |piece| {
                search.examine(piece)
            })),
            Self::Assembly(assembly) => Findings::Assembled(assembly.run(reader)),
            Self::Mending(mending) => Findings::Mended(looked(reader, &mending.read(), |piece| {
                mending.examine(piece)
            })),
            Self::Carve(carve) => {
                Findings::Carved(looked(reader, &carve.read(), |piece| carve.examine(piece)))
            }
            Self::Touch(touch) => Findings::Touched(touch.run(reader)),
            Self::Replay(replay) => Findings::Replayed(replay.run(reader)),
            Self::Extraction(extraction) => Findings::Extracted(extraction.run(reader)),
            Self::Content(content) => Findings::Hashed(content.run(reader)),
            Self::Render(render) => Findings::Rendered(render.run(reader)),
        }
    }

    /// Whether its findings are worth keeping for a resume: what is written at the end is written again.
    pub fn is_worth_keeping(&self) -> bool {
        !matches!(self, Self::Render(_) | Self::Content(_))
    }
}

/// Reads, looks, and gives the room back.
fn looked<T>(reader: &mut dyn Reader, read: &Read, look: impl FnOnce(&Piece) -> T) -> T {
    let piece = reader.read(read);
    let found = look(&piece);
    reader.take_back(piece);
    found
}
