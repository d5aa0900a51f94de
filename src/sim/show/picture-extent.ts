/** What coalmine says of the extent beside the truth: the numbers, and the share with its interval on a scale. */
import type { Judged, ScenarioResult } from '../scenario.ts';
import { mainIncident } from './account.ts';
import { comparedOf } from './sayings.ts';
import { element, type Frame, lineAt, textAt } from './svg.ts';

const ROW = 22;

export function extent(
  result: ScenarioResult,
  frame: Frame,
): { readonly svg: string; readonly height: number } {
  const main = mainIncident(result);
  if (main === null) return { svg: '', height: 0 };
  const { left, right, top } = frame;
  const columns = [left, left + (right - left) * 0.46, left + (right - left) * 0.68];
  const head = [
    textAt(left - 12, top + 14, 'extent', 'end strong'),
    textAt(columns[0]!, top + 14 + 5 * ROW, main.pattern ?? 'nothing that has a name'),
    textAt(left - 12, top + 14 + 5 * ROW, 'looks like', 'end muted'),
    textAt(columns[0]!, top + 14, 'coalmine says', 'muted small'),
    textAt(columns[1]!, top + 14, 'in truth', 'muted small'),
    textAt(columns[2]!, top + 14, 'share missing on those touched', 'muted small'),
  ];
  const rows = comparedOf(main).map(({ what, said, truly, right: isRight }, i) => {
    const y = top + 14 + (i + 1) * ROW;
    return [
      textAt(left - 12, y, what, 'end muted'),
      textAt(columns[0]!, y, said),
      textAt(
        columns[1]!,
        y,
        isRight === false ? `${truly}, so that is wrong` : truly,
        isRight === false ? 'bad strong' : '',
      ),
    ].join('');
  });
  return {
    svg: [...head, ...rows, scale(main, columns[2]!, right, top + 14 + 2 * ROW)].join('\n'),
    height: 14 + 5 * ROW + 6,
  };
}

/** From 0 to 100 %: the stated interval as a bar, the truth as a stroke across it. */
function scale({ rate }: Judged, left: number, right: number, y: number): string {
  const at = (share: number): number => left + share * (right - left);
  return [
    lineAt('scale', left, y, right, y),
    lineAt('whisker', at(rate.low), y, at(rate.high), y),
    lineAt('whisker', at(rate.low), y - 6, at(rate.low), y + 6),
    lineAt('whisker', at(rate.high), y - 6, at(rate.high), y + 6),
    element('circle', { class: 'knows', cx: at(rate.share), cy: y, r: 4.5 }),
    lineAt('truth', at(rate.truly), y - 11, at(rate.truly), y + 11),
    textAt(left, y + 24, '0%', 'muted small'),
    textAt(right, y + 24, '100%', 'muted small end'),
    textAt(left, y + 42, 'dot and bar: said, with its interval; stroke: true', 'muted small'),
  ].join('');
}
