/** A report as a document: sections of plain blocks, which every format lays out in its own way. */

/** A run of text. `ref`: the id of a section. */
export type Inline =
  | string
  | { readonly code: string }
  | { readonly strong: string }
  | { readonly text: string; readonly ref: string };
export type Text = Inline | readonly Inline[];

export type Block =
  | { readonly kind: 'text'; readonly text: Text }
  | { readonly kind: 'list'; readonly items: readonly Text[] }
  | { readonly kind: 'facts'; readonly facts: readonly { readonly label: string; readonly value: Text }[] }
  | {
      readonly kind: 'table';
      readonly caption: string;
      readonly head: readonly string[];
      readonly rows: readonly (readonly Text[])[];
      /** Columns of numbers, counted from 0. */
      readonly numbers?: readonly number[];
    }
  | { readonly kind: 'code'; readonly text: string };

export interface Section {
  /** Unique in the document; letters, digits and hyphens. */
  readonly id: string;
  readonly title: string;
  readonly blocks: readonly Block[];
  readonly sections?: readonly Section[];
}

export interface ReportDocument {
  readonly title: string;
  /** What it is about in a line or two. */
  readonly lead: readonly Block[];
  readonly sections: readonly Section[];
}

export const text = (...parts: Inline[]): Block => ({ kind: 'text', text: parts });
export const list = (items: readonly Text[]): Block => ({ kind: 'list', items });
export const facts = (entries: readonly (readonly [label: string, value: Text])[]): Block => ({
  kind: 'facts',
  facts: entries.map(([label, value]) => ({ label, value })),
});

export const inlines = (t: Text): readonly Inline[] => (Array.isArray(t) ? t : [t as Inline]);

/** A section with its number as its title is printed, depth first: `2.1`. */
export interface Numbered {
  readonly number: string;
  readonly depth: number;
  readonly section: Section;
}

export function numbered(sections: readonly Section[], before = '', depth = 1): Numbered[] {
  return sections.flatMap((section, i) => {
    const number = `${before}${i + 1}`;
    return [{ number, depth, section }, ...numbered(section.sections ?? [], `${number}.`, depth + 1)];
  });
}
