//! XML of listings, written in the order in which the bucket lists.

/// Writes elements into a text.
pub(super) struct Xml(String);

impl Xml {
    /// Begins a document with its root element.
    pub(super) fn document(root: &str) -> Self {
        Self(format!(
            "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<{root} xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\">"
        ))
    }

    pub(super) fn open(&mut self, name: &str) {
        self.0.push('<');
        self.0.push_str(name);
        self.0.push('>');
    }

    pub(super) fn close(&mut self, name: &str) {
        self.0.push_str("</");
        self.0.push_str(name);
        self.0.push('>');
    }

    pub(super) fn element(&mut self, name: &str, text: &str) {
        self.open(name);
        self.text(text);
        self.close(name);
    }

    pub(super) fn finish(mut self, root: &str) -> String {
        self.close(root);
        self.0
    }

    /// What XML 1.0 cannot hold at all is written as a character reference, as S3 does; who must read it asks
    /// for `encoding-type=url`. A tab and the line ends are references too, as readers normalise them.
    fn text(&mut self, text: &str) {
        for character in text.chars() {
            match character {
                '<' => self.0.push_str("&lt;"),
                '>' => self.0.push_str("&gt;"),
                '&' => self.0.push_str("&amp;"),
                '"' => self.0.push_str("&quot;"),
                '\u{0}'..='\u{1f}' | '\u{7f}'..='\u{9f}' | '\u{fffe}' | '\u{ffff}' => {
                    self.0.push_str(&format!("&#x{:x};", u32::from(character)));
                }
                _ => self.0.push(character),
            }
        }
    }
}
