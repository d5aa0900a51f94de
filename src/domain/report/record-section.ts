/** The record behind a report: the hash chain, what was verified of it, and how anybody can verify it again. */
import { count, plural, utc, utcMinute, utcMinuteSpan } from '../saying.ts';
import { type Block, facts, list, type ReportDocument, type Text, text } from './document.ts';
import type { Broken, Verified, VerifiedChain } from './verified.ts';

/** What a verification says, as blocks. */
export function verifiedBlocks(verified: Verified): Block[] {
  const lead = verified.ok
    ? verified.chains.some(c => c.links > 0 || c.anchor !== null)
      ? 'The record verifies: every link was recomputed, and what stands in the ledger is what was sealed.'
      : 'Nothing is sealed yet: an hour is, once it is over and every canary of it is decided. So there is nothing to verify so far.'
    : 'The record does not verify. What differs is named below; until it is explained, don’t rely on the hours concerned.';
  return [text({ strong: lead }), ...headBlocks(verified), ...verified.chains.flatMap(chainBlocks)];
}

function headBlocks({ head, chains }: Verified): Block[] {
  if (head === undefined) return [];
  if (head !== null)
    return [
      text(
        `The head that was given is link ${count(head.number)} of ${head.pipeline}, sealed ${utc(head.sealedMs)}: the record up to there is what it was then.`,
      ),
    ];
  const isCut = chains.some(c => c.anchor !== null);
  const cut = isCut ? ' Or it is older than the links that are still kept.' : '';
  return [
    text(
      { strong: 'The head that was given is in none of the chains.' },
      ` The record it stood for has been replaced, or it is another store’s.${cut}`,
    ),
  ];
}

function chainBlocks(chain: VerifiedChain): Block[] {
  const entries: [string, Text][] = [
    ['Pipeline', chain.pipeline.name],
    ['Head', chain.head === null ? 'none: nothing is sealed yet' : { code: chain.head }],
  ];
  if (chain.head !== null) {
    entries.push(
      ['Newest link', `${count(chain.number)}, sealed ${utc(chain.sealedMs ?? 0)}`],
      ['Links recomputed', linksText(chain)],
      ['Hours sealed', chain.span === null ? 'none' : utcMinuteSpan(chain.span.fromMs, chain.span.toMs)],
    );
  }
  if (chain.unsealed > 0) entries.push(['Hours not sealed as they are now', count(chain.unsealed)]);
  entries.push(['Held against single canaries', checkedText(chain)]);
  entries.push(['Verifies', chain.ok ? 'yes' : 'no']);
  return chain.ok ? [facts(entries)] : [facts(entries), ...brokenBlocks(chain)];
}

function linksText({ links, revisions, anchor }: VerifiedChain): string {
  const anew = revisions > 0 ? `, ${count(revisions)} of them of hours that had been sealed before` : '';
  if (anchor === null) return `${count(links)}, from the first on${anew}`;
  return `${count(links)}${anew}; verified after link ${count(anchor.number)} (sealed ${utcMinute(anchor.sealedMs)}), the oldest that is kept, taken as it stands`;
}

function checkedText({ checked }: VerifiedChain): string {
  const older =
    checked.exceptionHours > 0
      ? `, and what was out of the ordinary in ${plural(checked.exceptionHours, 'older hour')}`
      : '';
  const cut = checked.cut ? 'the newest ' : '';
  return `${plural(checked.hours, 'hour')} at a checkpoint whole${older}; ${cut}${plural(checked.rows, 'row')} against their own evidence`;
}

const brokenText = (b: Broken): Text => [
  { strong: `${b.checkpoint}, hour of ${utcMinute(b.hourMs)}` },
  `: ${b.what}.`,
];

const brokenBlocks = ({ broken, brokenMore }: VerifiedChain): Block[] => [
  list(broken.map(brokenText)),
  ...(brokenMore > 0 ? [text(`And ${count(brokenMore)} more.`)] : []),
];

/** How anybody can do it again. */
export const howToVerify: readonly Block[] = [
  text(
    'Hours that are over and decided are sealed: each becomes a link, whose hash is made from the hash of the link before and from what was counted. The newest hash, the head, goes out with every notice and stands in every report. Whoever edits the record afterwards, even where they can recompute every hash after the edit, can’t change the heads that others already hold.',
  ),
  text('To verify this report later, against the store or an export of it:'),
  { kind: 'code', text: 'coalmine report --verify --head HEAD' },
  text(
    'A link’s hash is the SHA-256 of the JSON array ["coalmine link 1", previous hash or null, store, pipeline id, number, checkpoint id, hour, sealed, counts, hash of delays], without spaces, keys of objects sorted, times in Unix milliseconds. What people noted of incidents, the words of incidents and notices are not in the chain; the counts they rest on are.',
  ),
];

/** A verification alone, as a document. */
export const verifiedDocument = (verified: Verified, version: string): ReportDocument => ({
  title: 'Verification of the record',
  lead: [
    facts([
      ['As of', utc(verified.asOfMs)],
      ['Store', verified.storeId ?? 'none'],
      ['Written by', `coalmine ${version}`],
    ]),
  ],
  sections: [
    { id: 'result', title: 'Result', blocks: verifiedBlocks(verified) },
    { id: 'how', title: 'How to verify', blocks: howToVerify },
  ],
});
