/** A document as one HTML file that needs nothing else: no script, no request; light, dark and print. */
import { type Block, type Inline, inlines, numbered, type ReportDocument, type Text } from './document.ts';

const STYLE = `
:root{color-scheme:light dark;--paper:#fff;--ink:#16191d;--soft:#525b66;--line:#d3d8de;--hair:#eaedf0;--accent:#0a5a92;--code:#f2f4f6}
@media (prefers-color-scheme:dark){:root{--paper:#14171a;--ink:#e7eaed;--soft:#a3adb8;--line:#3a424b;--hair:#262c32;--accent:#84c4f0;--code:#1e2328}}
*{box-sizing:border-box}
body{margin:0;background:var(--paper);color:var(--ink);font:16px/1.55 system-ui,-apple-system,"Segoe UI",Roboto,"Liberation Sans",sans-serif;font-variant-numeric:tabular-nums}
main{max-width:60rem;margin:0 auto;padding:2.5rem clamp(1rem,4vw,2.5rem) 4rem}
h1{font-size:1.75rem;line-height:1.2;letter-spacing:-.015em;margin:0 0 1.25rem}
h2{font-size:1.3rem;line-height:1.25;margin:2.75rem 0 .75rem;padding-top:.75rem;border-top:2px solid var(--ink)}
h3{font-size:1.08rem;margin:2rem 0 .5rem}
h4{font-size:1rem;margin:1.5rem 0 .4rem}
h1,h2,h3,h4{text-wrap:balance}
.n{color:var(--soft);font-weight:400;margin-right:.45em}
p,ul{margin:.6rem 0;max-width:46rem}
ul{padding-left:1.25rem}
li{margin:.2rem 0}
a{color:var(--accent);text-underline-offset:.16em}
code{font:.875em/1.5 ui-monospace,SFMono-Regular,Menlo,Consolas,"Liberation Mono",monospace;background:var(--code);padding:.08em .3em;border-radius:3px;overflow-wrap:anywhere}
pre{background:var(--code);border:1px solid var(--line);border-radius:4px;padding:.75rem .9rem;overflow-x:auto;margin:.75rem 0}
pre code{background:none;padding:0;white-space:pre-wrap}
.wide{overflow-x:auto;margin:1rem 0}
.wide:focus-visible{outline:3px solid var(--accent);outline-offset:2px}
table{border-collapse:collapse;width:100%;font-size:.9375rem}
caption{text-align:left;font-weight:600;padding-bottom:.4rem}
th,td{text-align:left;vertical-align:top;padding:.4rem .8rem .4rem 0;border-bottom:1px solid var(--hair);overflow-wrap:break-word}
thead th{border-bottom:1px solid var(--line);color:var(--soft);font-weight:600;white-space:nowrap}
th.num,td.num{text-align:right}
dl{display:grid;grid-template-columns:minmax(9rem,15rem) minmax(0,1fr);margin:.75rem 0;font-size:.9375rem}
dt,dd{margin:0;padding:.4rem .8rem .4rem 0;border-bottom:1px solid var(--hair)}
dt{color:var(--soft)}
dd{overflow-wrap:break-word}
nav ol{list-style:none;padding:0;margin:1.5rem 0 0;columns:2;column-gap:2rem}
nav li.d2{padding-left:1.2rem;font-size:.9375rem}
@media (max-width:40rem){dl{grid-template-columns:1fr}dt{border-bottom:0;padding-bottom:0}nav ol{columns:1}}
@media print{
@page{margin:18mm 16mm;size:A4}
:root{color-scheme:light;--paper:#fff;--ink:#000;--soft:#444;--line:#999;--hair:#ccc;--accent:#000;--code:#f4f4f4}
body{font-size:10pt;line-height:1.4}
main{max-width:none;padding:0}
h2{break-after:avoid}h3,h4,caption{break-after:avoid}
tr,dt,dd,pre{break-inside:avoid}
thead{display:table-header-group}
.wide{overflow:visible}
a{text-decoration:none}
}`;

export function html(doc: ReportDocument): string {
  const all = numbered(doc.sections);
  const contents = all
    .filter(s => s.depth <= 2)
    .map(
      ({ number, depth, section }) =>
        `<li class="d${depth}"><a href="#${section.id}"><span class="n">${number}</span>${escaped(section.title)}</a></li>`,
    );
  const body = all.map(({ number, depth, section }) => {
    const h = `h${Math.min(6, depth + 1)}`;
    const head = `<${h} id="${section.id}"><span class="n">${number}</span>${escaped(section.title)}</${h}>`;
    return [head, ...section.blocks.map(blockHtml)].join('\n');
  });
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width,initial-scale=1">
<meta name="generator" content="coalmine">
<title>${escaped(doc.title)}</title>
<style>${STYLE}
</style>
</head>
<body>
<main>
<h1>${escaped(doc.title)}</h1>
${doc.lead.map(blockHtml).join('\n')}
<nav aria-label="Contents"><ol>
${contents.join('\n')}
</ol></nav>
${body.join('\n')}
</main>
</body>
</html>
`;
}

function blockHtml(block: Block): string {
  switch (block.kind) {
    case 'text':
      return `<p>${textHtml(block.text)}</p>`;
    case 'list':
      return `<ul>${block.items.map(i => `<li>${textHtml(i)}</li>`).join('')}</ul>`;
    case 'facts':
      return `<dl>${block.facts.map(f => `<dt>${escaped(f.label)}</dt><dd>${textHtml(f.value)}</dd>`).join('')}</dl>`;
    case 'table':
      return tableHtml(block);
    case 'code':
      return `<pre><code>${escaped(block.text)}</code></pre>`;
  }
}

function tableHtml({ caption, head, rows, numbers = [] }: Extract<Block, { kind: 'table' }>): string {
  const num = (i: number): string => (numbers.includes(i) ? ' class="num"' : '');
  const cells = head.map((h, i) => `<th scope="col"${num(i)}>${escaped(h)}</th>`).join('');
  const lines = rows.map(row => `<tr>${row.map((c, i) => `<td${num(i)}>${textHtml(c)}</td>`).join('')}</tr>`);
  // Reached by keyboard where it is too wide for the screen.
  return `<div class="wide" tabindex="0" role="region" aria-label="${escaped(caption)}"><table>
<caption>${escaped(caption)}</caption>
<thead><tr>${cells}</tr></thead>
<tbody>
${lines.join('\n')}
</tbody></table></div>`;
}

const textHtml = (text: Text): string => inlines(text).map(inlineHtml).join('');

function inlineHtml(part: Inline): string {
  if (typeof part === 'string') return escaped(part);
  if ('code' in part) return `<code>${escaped(part.code)}</code>`;
  if ('strong' in part) return `<strong>${escaped(part.strong)}</strong>`;
  return `<a href="#${part.ref}">${escaped(part.text)}</a>`;
}

const ENTITIES: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&#39;',
};

/** Control characters are no text in HTML; what came from elsewhere may hold them. */
const escaped = (text: string): string =>
  text
    // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is taken out
    .replace(/[\u0000-\u0008\u000b\u000c\u000e-\u001f\u007f-\u009f]/g, '\ufffd')
    .replace(/[&<>"']/g, c => ENTITIES[c] ?? c);
