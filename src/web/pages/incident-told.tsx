/** Whom people were told through, when, and what became of it. */
import type { IncidentStory } from '../../engine/incidents.ts';
import { At, Section } from './parts.tsx';
import { count, plural } from './when.ts';

type Notice = IncidentStory['notices'][number];

const SHOWN_MAX = 100;

const EVENT_WORDS: Readonly<Record<Notice['event'], string>> = {
  opened: 'it began',
  worsened: 'it got worse',
  reminder: 'it is still open',
  resolved: 'it is over',
  summary: 'it began and ended',
  test: 'this is a test',
};

export const Told = ({ story: { notices, asOfMs } }: { story: IncidentStory }) => (
  <Section id="told" title="Who was told">
    {notices.length === 0 ? (
      <p class="none">Nobody: no notifier of this pipeline is set up for incidents of this kind.</p>
    ) : (
      <ol class="told">
        {notices
          .toReversed()
          .slice(0, SHOWN_MAX)
          .map(n => (
            <li>
              <At ms={n.createdMs} nowMs={asOfMs} seconds /> <b>{n.notifier}</b>{' '}
              <span>
                was to hear that {EVENT_WORDS[n.event]}
                {n.insteadOf === null ? null : <>, instead of {n.insteadOf}</>}:
              </span>{' '}
              <Fate notice={n} nowMs={asOfMs} />
            </li>
          ))}
      </ol>
    )}
    {notices.length > SHOWN_MAX ? (
      <p class="none">{count(notices.length - SHOWN_MAX)} earlier ones aren’t listed.</p>
    ) : null}
  </Section>
);

const Fate = ({ notice: n, nowMs }: { notice: Notice; nowMs: number }) => {
  const failed = n.attempts > 0 ? ` after ${plural(n.attempts, 'failed attempt')}` : '';
  const why = n.error === null || n.error === '' ? null : <>: {n.error}</>;
  switch (n.state) {
    case 'sent':
      return (
        <span class="s-healthy">
          delivered{n.doneMs === null ? null : <> at {<At ms={n.doneMs} nowMs={nowMs} seconds />}</>}
          {failed}
        </span>
      );
    case 'merged':
      return <span>told in the summary that came after it</span>;
    case 'failed':
      return (
        <span class="s-losing">
          given up{n.doneMs === null ? null : <> at {<At ms={n.doneMs} nowMs={nowMs} seconds />}</>}
          {failed}
          {why}
        </span>
      );
    case 'waiting':
      return n.attempts === 0 ? (
        <span>on its way</span>
      ) : (
        <span class="s-late">
          tried again{n.nextMs === null ? null : <> at {<At ms={n.nextMs} nowMs={nowMs} seconds />}</>}
          {failed}
          {why}
        </span>
      );
  }
};
