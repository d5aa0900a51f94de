// The forms of an HTML page: just enough to sign in where a browser would. One pass, linear in the text's length.

export interface FormField {
  readonly name: string;
  readonly value: string;
  readonly type: string;
}

export interface Form {
  readonly action: string;
  readonly method: 'get' | 'post';
  /** What a browser would submit: unchecked boxes left out, only the first submit button in. */
  readonly fields: readonly FormField[];
}

const FORMS_MAX = 20;
const FIELDS_MAX = 200;
const TAG = /\/?[a-zA-Z][a-zA-Z0-9]*/y;
const ATTRIBUTE = /[\s/]*([^\s=>/"'][^\s=>/]*)(?:\s*=\s*(?:"([^"]*)"|'([^']*)'|([^\s>"']+)))?/y;
/** Elements whose content is text, whatever it looks like. */
const RAW = new Set(['script', 'style', 'textarea', 'title', 'noscript']);
const ENTITIES: Readonly<Record<string, string>> = { amp: '&', lt: '<', gt: '>', quot: '"', apos: "'" };

const decode = (text: string): string =>
  text.replace(/&(?:#x([0-9a-f]{1,6})|#(\d{1,7})|(amp|lt|gt|quot|apos));/gi, (whole, hex, dec, name) => {
    if (name !== undefined) return ENTITIES[String(name).toLowerCase()] ?? whole;
    const point = Number.parseInt(hex ?? dec, hex === undefined ? 10 : 16);
    return point <= 0x10ffff ? String.fromCodePoint(point) : whole;
  });

type Attributes = ReadonlyMap<string, string>;
interface Tag {
  readonly name: string;
  readonly attributes: Attributes;
}

const attributesAt = (html: string, from: number): { attributes: Attributes; end: number } => {
  const attributes = new Map<string, string>();
  ATTRIBUTE.lastIndex = from;
  let end = from;
  for (let found = ATTRIBUTE.exec(html); found !== null; found = ATTRIBUTE.exec(html)) {
    end = ATTRIBUTE.lastIndex;
    const name = (found[1] ?? '').toLowerCase();
    if (!attributes.has(name)) attributes.set(name, decode(found[2] ?? found[3] ?? found[4] ?? ''));
  }
  return { attributes, end };
};

function* tagsOf(html: string): Generator<Tag> {
  for (let at = html.indexOf('<'); at !== -1; at = html.indexOf('<', at)) {
    if (html.startsWith('<!--', at)) {
      at = html.indexOf('-->', at);
      if (at === -1) return;
      continue;
    }
    TAG.lastIndex = at + 1;
    const name = TAG.exec(html)?.[0].toLowerCase();
    at++;
    if (name === undefined) continue;
    const { attributes, end } = attributesAt(html, at + name.length);
    at = end;
    yield { name, attributes };
    if (RAW.has(name)) {
      const close = html.slice(at).search(new RegExp(`</${name}`, 'i'));
      if (close === -1) return;
      at += close;
    }
  }
}

const fieldOf = ({ name: tag, attributes }: Tag): FormField | undefined => {
  const name = attributes.get('name');
  const type = (attributes.get('type') ?? (tag === 'button' ? 'submit' : 'text')).toLowerCase();
  if (name === undefined || name === '' || ['reset', 'button', 'image', 'file'].includes(type))
    return undefined;
  if ((type === 'checkbox' || type === 'radio') && !attributes.has('checked')) return undefined;
  const value = attributes.get('value') ?? (type === 'checkbox' || type === 'radio' ? 'on' : '');
  return { name, value, type };
};

/** Every form of the page, in order; at most 20, of at most 200 fields. */
export const parseForms = (html: string): Form[] => {
  const forms: Form[] = [];
  let fields: FormField[] | undefined;
  for (const tag of tagsOf(html)) {
    if (tag.name === 'form' && fields === undefined) {
      if (forms.length === FORMS_MAX) break;
      fields = [];
      const method = tag.attributes.get('method')?.toLowerCase() === 'post' ? 'post' : 'get';
      forms.push({ action: tag.attributes.get('action') ?? '', method, fields });
    } else if (tag.name === '/form') {
      fields = undefined;
    } else if (fields !== undefined && (tag.name === 'input' || tag.name === 'button')) {
      const field = fieldOf(tag);
      const second = field?.type === 'submit' && fields.some(f => f.type === 'submit');
      if (field !== undefined && !second && fields.length < FIELDS_MAX) fields.push(field);
    }
  }
  return forms;
};
