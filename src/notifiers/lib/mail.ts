// A notice as a mail's two bodies, plain and HTML, which say the same.
import type { Notice } from '../../contracts/notifier.ts';
import { factsOf, headline, isoTime, linkOf, textOf } from './notice.ts';
import { escapeHtml } from './text.ts';

const TEXT_MAX = 20_000;
const HEADLINE_MAX = 300;
const FACTS_MAX = 50;

const footOf = (notice: Notice): string[] => [
  `Incident ${notice.incident}, notice ${notice.id}, written ${isoTime(notice.atMs)}`,
  ...(notice.chainHead === null ? [] : [`Head of the ledger’s hash chain: ${notice.chainHead}`]),
];

export const plainOf = (notice: Notice): string => {
  const facts = factsOf(notice, FACTS_MAX).map(f => `${f.label}: ${f.value}`);
  const link = linkOf(notice);
  const parts = [
    [headline(notice, HEADLINE_MAX)],
    [textOf(notice, TEXT_MAX)],
    facts,
    link === undefined ? [] : [link],
    ['-- ', ...footOf(notice)],
  ];
  return `${parts
    .filter(lines => lines.join('') !== '')
    .map(lines => lines.join('\n'))
    .join('\n\n')}\n`;
};

export const htmlOf = (notice: Notice): string => {
  const e = escapeHtml;
  const rows = factsOf(notice, FACTS_MAX).map(
    f => `<tr><th align="left" valign="top">${e(f.label)}</th><td>${e(f.value)}</td></tr>`,
  );
  const link = linkOf(notice);
  return [
    '<!doctype html><html><body style="font-family:sans-serif">',
    `<h2>${e(headline(notice, HEADLINE_MAX))}</h2>`,
    `<p>${e(textOf(notice, TEXT_MAX)).replaceAll('\n', '<br>\n')}</p>`,
    ...(rows.length === 0 ? [] : ['<table cellpadding="4">', ...rows, '</table>']),
    ...(link === undefined ? [] : [`<p><a href="${e(link)}">Open the incident</a></p>`]),
    `<p style="color:#666"><small>${footOf(notice).map(e).join('<br>\n')}</small></p>`,
    '</body></html>',
  ].join('\n');
};
