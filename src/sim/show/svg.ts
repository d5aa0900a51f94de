/** Pieces of SVG as text: elements with escaped text, and numbers short enough to be read in a diff. */

export const escapeXml = (text: string): string => text.replace(/[&<>"']/g, c => `&#${c.charCodeAt(0)};`);

/** Two decimals. */
export const px = (n: number): string => String(Math.round(n * 100) / 100);

type Attributes = Readonly<Record<string, string | number>>;

const attributesOf = (attributes: Attributes): string =>
  Object.entries(attributes)
    .map(([key, value]) => ` ${key}="${typeof value === 'number' ? px(value) : escapeXml(value)}"`)
    .join('');

/** `inner` is SVG already. */
export const element = (name: string, attributes: Attributes, inner = ''): string =>
  inner === ''
    ? `<${name}${attributesOf(attributes)}/>`
    : `<${name}${attributesOf(attributes)}>${inner}</${name}>`;

export const textAt = (x: number, y: number, text: string, classes = ''): string =>
  element('text', classes === '' ? { x, y } : { x, y, class: classes }, escapeXml(text));

export const lineAt = (classes: string, x1: number, y1: number, x2: number, y2: number): string =>
  element('line', { class: classes, x1, y1, x2, y2 });

/** Where something is drawn. */
export interface Frame {
  readonly left: number;
  readonly right: number;
  readonly top: number;
  /** Across, from a time. */
  readonly at: (ms: number) => number;
}
