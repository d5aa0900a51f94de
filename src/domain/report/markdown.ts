/** A document as GitHub-flavoured Markdown. What came from elsewhere can't become markup. */
import { type Block, type Inline, inlines, numbered, type ReportDocument, type Text } from './document.ts';

export function markdown(doc: ReportDocument): string {
  const all = numbered(doc.sections);
  const slugs = slugsOf([doc.title, ...all.map(s => `${s.number} ${s.section.title}`)]).slice(1);
  const slugById = new Map(all.map((s, i) => [s.section.id, slugs[i] ?? '']));
  const parts = [`# ${escaped(doc.title)}`, ...doc.lead.map(b => blockText(b, slugById))];
  for (const { number, depth, section } of all) {
    parts.push(`${'#'.repeat(Math.min(6, depth + 1))} ${number} ${escaped(section.title)}`);
    parts.push(...section.blocks.map(b => blockText(b, slugById)));
  }
  return `${parts.filter(p => p !== '').join('\n\n')}\n`;
}

type Slugs = ReadonlyMap<string, string>;

/** Anchors as GitHub makes them from headings. */
function slugsOf(headings: readonly string[]): string[] {
  const seen = new Map<string, number>();
  return headings.map(heading => {
    const slug = heading
      .toLowerCase()
      .replace(/[^\p{L}\p{N}\s_-]/gu, '')
      .trim()
      .replace(/\s/g, '-');
    const n = seen.get(slug) ?? 0;
    seen.set(slug, n + 1);
    return n === 0 ? slug : `${slug}-${n}`;
  });
}

function blockText(block: Block, slugs: Slugs): string {
  switch (block.kind) {
    case 'text':
      return atLineStart(textOf(block.text, slugs));
    case 'list':
      return block.items.map(item => `- ${atLineStart(textOf(item, slugs))}`).join('\n');
    case 'facts':
      return tableText(
        ['', ''],
        block.facts.map(f => [`**${escaped(f.label)}**`, textOf(f.value, slugs)]),
        [],
      );
    case 'table': {
      const rows = block.rows.map(row => row.map(cell => textOf(cell, slugs)));
      return `**${escaped(block.caption)}**\n\n${tableText(block.head.map(escaped), rows, block.numbers ?? [])}`;
    }
    case 'code': {
      const fence = '`'.repeat(Math.max(3, longestRun(block.text) + 1));
      return `${fence}\n${block.text}\n${fence}`;
    }
  }
}

function tableText(
  head: readonly string[],
  rows: readonly (readonly string[])[],
  numbers: readonly number[],
): string {
  const line = (cells: readonly string[]) => `| ${cells.join(' | ')} |`;
  const rule = `|${head.map((_, i) => (numbers.includes(i) ? '---:' : '---')).join('|')}|`;
  return [line(head), rule, ...rows.map(line)].join('\n');
}

const textOf = (text: Text, slugs: Slugs): string =>
  inlines(text)
    .map(part => inlineText(part, slugs))
    .join('');

function inlineText(part: Inline, slugs: Slugs): string {
  if (typeof part === 'string') return escaped(part);
  if ('code' in part) return codeText(part.code);
  if ('strong' in part) return `**${escaped(part.strong)}**`;
  return `[${escaped(part.text)}](#${slugs.get(part.ref) ?? ''})`;
}

const longestRun = (text: string): number => Math.max(0, ...[...text.matchAll(/`+/g)].map(m => m[0].length));

/** A bar ends the cell of a table even inside of code, and no backslash helps where another stands before it: entities do. */
function codeText(code: string): string {
  const line = code.replace(/\s+/g, ' ');
  if (!/[|`]/.test(line)) return `\`${line}\``;
  return `<code>${line.replace(/[^\p{L}\p{N} ]/gu, c => `&#${c.codePointAt(0)};`)}</code>`;
}

/** On one line. An underscore inside of a word is none of Markdown's. */
const escaped = (text: string): string =>
  text
    .replace(/\s+/g, ' ')
    .replace(/[\\`*[\]|~]/g, '\\$&')
    .replace(/(?<![\p{L}\p{N}])_|_(?![\p{L}\p{N}])/gu, '\\_')
    .replace(/&(?=#?\w{1,30};)/g, '&amp;')
    .replaceAll('<', '&lt;');

/** What would begin a heading, a list, a quotation or a rule where a line begins. */
const atLineStart = (line: string): string =>
  line.replace(/^(\s*)([#>+=-])/, '$1\\$2').replace(/^(\s*\d{1,9})([.)])(?=\s|$)/, '$1\\$2');
