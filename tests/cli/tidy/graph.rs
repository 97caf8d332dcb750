//! Which file names which: every path of the sources, in whatever form it is written, led to the
//! file in which the name is declared.

// Helpers outside `#[test]` functions are tests all the same: they fail loudly.
#![allow(clippy::unwrap_used)]

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use proc_macro2::{TokenStream, TokenTree};
use syn::visit::{self, Visit};
use syn::{Attribute, Item, UseTree};

/// A module's path from the crate on; that of the crate is empty.
type Place = Vec<String>;

/// One file: what it declares, and what it names.
#[derive(Default)]
struct Source {
    file: PathBuf,
    /// Names that `use` brings in, and where they come from.
    imports: BTreeMap<String, Place>,
    /// Modules of which it brings in everything.
    globs: Vec<Place>,
    items: BTreeSet<String>,
    /// Paths as they are written, the first word resolved no further than `crate`, `self`, `super`.
    named: Vec<Place>,
}

/// All files of a crate, by their modules.
pub(super) struct Graph {
    sources: BTreeMap<Place, Source>,
}

impl Graph {
    /// Reads a crate from its root file on; `read` gives the text of a file, if there is one.
    /// Tests are left out: they may look anywhere.
    pub(super) fn read(root: &Path, read: &dyn Fn(&Path) -> Option<String>) -> Self {
        let mut graph = Self { sources: BTreeMap::new() };
        let mut open = vec![(Place::new(), root.to_owned())];
        while let Some((place, file)) = open.pop() {
            let Some(text) = read(&file) else { continue };
            let parsed = syn::parse_file(&text).unwrap();
            let folder = match place.is_empty() {
                true => file.with_file_name(""),
                false => file.with_extension(""),
            };
            let mut reader = Reader::default();
            reader.items(&parsed.items);
            for child in reader.children {
                let inner: Place = place.iter().cloned().chain([child.clone()]).collect();
                open.push((inner, folder.join(format!("{child}.rs"))));
            }
            graph.sources.insert(place, Source { file, ..reader.source });
        }
        graph
    }

    /// The files that each file names, itself left out.
    pub(super) fn edges(&self) -> BTreeMap<PathBuf, BTreeSet<PathBuf>> {
        let of = |(place, source): (&Place, &Source)| {
            let imports = source.imports.values();
            let named = imports.chain(&source.globs).chain(&source.named);
            let homes = named.filter_map(|path| self.home(place, path, 0));
            let files = homes.map(|home| self.sources[&home].file.clone());
            (source.file.clone(), files.filter(|file| *file != source.file).collect())
        };
        self.sources.iter().map(of).collect()
    }

    /// The module in which what a path leads to is declared; none outside of the crate.
    fn home(&self, from: &Place, path: &[String], depth: usize) -> Option<Place> {
        if depth > 32 {
            return None;
        }
        let (first, rest) = path.split_first()?;
        let (mut at, mut rest) = match first.as_str() {
            "crate" => (Place::new(), rest),
            "self" => (from.clone(), rest),
            "super" => (from[..from.len().checked_sub(1)?].to_vec(), rest),
            _ => (from.clone(), path),
        };
        let is_relative = !matches!(first.as_str(), "crate" | "self" | "super");
        while let Some((name, further)) = rest.split_first() {
            if name == "super" {
                at.pop()?;
                rest = further;
                continue;
            }
            let inner: Place = at.iter().cloned().chain([name.clone()]).collect();
            if self.sources.contains_key(&inner) {
                (at, rest) = (inner, further);
                continue;
            }
            let source = self.sources.get(&at)?;
            if source.items.contains(name) {
                return Some(at);
            }
            if let Some(import) = source.imports.get(name) {
                let whole: Place = import.iter().chain(further).cloned().collect();
                return self.home(&at, &whole, depth + 1);
            }
            let one_of = |glob: &Place| {
                let whole: Place = glob.iter().cloned().chain([name.clone()]).collect();
                let home = self.home(&at, &whole, depth + 1)?;
                let is_there =
                    self.sources[&home].items.contains(name) || home.last() == Some(name);
                let whole: Place = whole.iter().chain(further).cloned().collect();
                if is_there { self.home(&at, &whole, depth + 1) } else { None }
            };
            if let Some(home) = source.globs.iter().find_map(one_of) {
                return Some(home);
            }
            // A word of the language, of another crate, or of the function itself.
            return (!is_relative || at != *from).then_some(at);
        }
        Some(at)
    }
}

/// Reads one file.
#[derive(Default)]
struct Reader {
    source: Source,
    children: Vec<String>,
    /// How many modules within the file are open.
    inner: usize,
}

impl Reader {
    fn items(&mut self, items: &[Item]) {
        items.iter().for_each(|item| self.visit_item(item));
    }

    fn import(&mut self, before: &[String], tree: &UseTree) {
        let with = |name: &dyn ToString| -> Place {
            before.iter().cloned().chain([name.to_string()]).collect()
        };
        match tree {
            UseTree::Path(path) => self.import(&with(&path.ident), &path.tree),
            UseTree::Group(group) => {
                group.items.iter().for_each(|tree| self.import(before, tree));
            }
            UseTree::Name(name) if name.ident == "self" => self.bring(before.to_vec(), None),
            UseTree::Name(name) => self.bring(with(&name.ident), None),
            UseTree::Rename(rename) => {
                let path = match rename.ident == "self" {
                    true => before.to_vec(),
                    false => with(&rename.ident),
                };
                self.bring(path, Some(rename.rename.to_string()));
            }
            UseTree::Glob(_) => {
                let path = self.of_file(before.to_vec());
                self.source.globs.push(path);
            }
        }
    }

    fn bring(&mut self, path: Place, name: Option<String>) {
        let name = name.or_else(|| path.last().cloned());
        let path = self.of_file(path);
        // `use x::y as _` brings no name, and names a file all the same.
        let name = name.filter(|name| name != "_");
        match name {
            Some(name) => drop(self.source.imports.insert(name, path)),
            None => self.source.named.push(path),
        }
    }

    /// What a macro is given is no syntax yet: paths are words with colons between.
    fn tokens(&mut self, tokens: TokenStream) {
        let (mut path, mut colons) = (Place::new(), 0);
        for token in tokens {
            match token {
                TokenTree::Ident(word) => {
                    if colons != 2 {
                        self.name(std::mem::take(&mut path));
                    }
                    path.push(word.to_string());
                    colons = 0;
                }
                TokenTree::Punct(sign) if sign.as_char() == ':' => colons += 1,
                TokenTree::Group(group) => {
                    self.tokens(group.stream());
                    self.name(std::mem::take(&mut path));
                }
                _ => self.name(std::mem::take(&mut path)),
            }
        }
        self.name(path);
    }

    fn name(&mut self, path: Place) {
        if path.len() > 1 {
            let path = self.of_file(path);
            self.source.named.push(path);
        }
    }

    /// A path as the file's own module would write it: within it, the first `super`s stay there.
    fn of_file(&self, mut path: Place) -> Place {
        let stay = path.iter().take(self.inner).take_while(|word| *word == "super").count();
        path.drain(..stay);
        if stay > 0 && path.first().is_none_or(|word| word != "super") {
            path.insert(0, "self".to_owned());
        }
        path
    }
}

fn is_test(attributes: &[Attribute]) -> bool {
    attributes.iter().any(|attribute| {
        let list = attribute.meta.require_list().ok();
        list.is_some_and(|list| list.path.is_ident("cfg") && list.tokens.to_string() == "test")
    })
}

/// What an item is called, and what stands before it.
fn told(item: &Item) -> (Option<String>, &[Attribute]) {
    let (name, attributes) = match item {
        Item::Const(it) => (&it.ident, &it.attrs),
        Item::Enum(it) => (&it.ident, &it.attrs),
        Item::Fn(it) => (&it.sig.ident, &it.attrs),
        Item::Mod(it) => (&it.ident, &it.attrs),
        Item::Static(it) => (&it.ident, &it.attrs),
        Item::Struct(it) => (&it.ident, &it.attrs),
        Item::Trait(it) => (&it.ident, &it.attrs),
        Item::Type(it) => (&it.ident, &it.attrs),
        Item::Impl(it) => return (None, &it.attrs),
        Item::Use(it) => return (None, &it.attrs),
        Item::Macro(it) => match &it.ident {
            Some(name) => (name, &it.attrs),
            None => return (None, &it.attrs),
        },
        _ => return (None, &[]),
    };
    (Some(name.to_string()), attributes)
}

impl<'ast> Visit<'ast> for Reader {
    fn visit_item(&mut self, item: &'ast Item) {
        let (name, attributes) = told(item);
        if is_test(attributes) {
            return;
        }
        match item {
            Item::Mod(module) => match &module.content {
                // What stands in the same file is of the same file.
                Some((_, items)) => {
                    self.inner += 1;
                    self.items(items);
                    self.inner -= 1;
                }
                None => self.children.extend(name),
            },
            Item::Use(import) => self.import(&[], &import.tree),
            _ => {
                self.source.items.extend(name);
                visit::visit_item(self, item);
            }
        }
    }

    fn visit_path(&mut self, path: &'ast syn::Path) {
        let words = path.segments.iter().map(|segment| segment.ident.to_string());
        self.name(words.collect());
        visit::visit_path(self, path);
    }

    /// Where something may be seen is no use of that place.
    fn visit_visibility(&mut self, _: &'ast syn::Visibility) {}

    fn visit_macro(&mut self, call: &'ast syn::Macro) {
        self.tokens(call.tokens.clone());
        visit::visit_macro(self, call);
    }
}

/// Whoever is in a circle: every group of at least two that all lead to each other, in order.
pub(super) fn circles<N: Ord + Clone>(edges: &BTreeMap<N, BTreeSet<N>>) -> Vec<BTreeSet<N>> {
    let reach = |from: &N| -> BTreeSet<N> {
        let (mut reached, mut open) = (BTreeSet::new(), vec![from.clone()]);
        while let Some(at) = open.pop() {
            for next in edges.get(&at).into_iter().flatten() {
                if reached.insert(next.clone()) {
                    open.push(next.clone());
                }
            }
        }
        reached
    };
    let reached: BTreeMap<N, BTreeSet<N>> =
        edges.keys().map(|node| (node.clone(), reach(node))).collect();
    let mut found = BTreeSet::new();
    for (node, nodes) in &reached {
        let back = |other: &&N| reached.get(*other).is_some_and(|back| back.contains(node));
        let circle: BTreeSet<N> = nodes.iter().filter(back).cloned().collect();
        if circle.len() > 1 {
            found.insert(circle);
        }
    }
    found.into_iter().collect()
}
