/** An estimate for a person, on one screen. */
import { formatBytes, formatDuration, formatPercent, HOUR_MS, printDuration } from '../../domain/words.ts';
import { LOSSES_MIN } from '../../stats/burn-rate.ts';
import type { Estimate, Looks } from './estimate.ts';
import type { Found } from './estimate-find.ts';
import { columns, paint } from './output.ts';

const count = (n: number): string => (n < 10 ? n.toFixed(1) : Math.round(n).toLocaleString('en-US'));
const whole = (n: number): string => Math.round(n).toLocaleString('en-US');
/** Rounded up at the second digit: a bound never promises more than it holds. */
function below(share: number): string {
  const digits = Math.max(0, 1 - Math.floor(Math.log10(share * 100)));
  const step = 10 ** -digits;
  return `${(Math.ceil((share * 100) / step - 1e-9) * step).toFixed(digits)}%`;
}
const title = (text: string): string => paint('bold', text);

export function estimateText(e: Estimate): string {
  return [
    ...(e.wanted ? [wantedText(e)] : []),
    head(e),
    faultsText(e),
    claimsText(e),
    agentsText(e),
    costText(e),
    burnText(e),
  ].join('\n');
}

function head({ plan, canariesPerDay }: Estimate): string {
  const { targets, discovered, falseAlarmsPerYear } = plan;
  const who = `${whole(targets)} target${targets === 1 ? '' : 's'}`;
  const found = discovered ? ' (they are discovered: say how many with --targets)' : '';
  return (
    `${title(plan.pipeline ?? 'A pipeline')}: ${who}${found}, a canary each every ${printPeriod(plan.everyMs)}: ` +
    `${whole(canariesPerDay)} a day.\n` +
    `Objective ${formatPercent(plan.onTime)} on time, ${formatPercent(plan.delivered)} delivered; ` +
    `false alarms: ${+falseAlarmsPerYear.toPrecision(3)} a year${plan.batch > 1 ? `; batches of ${plan.batch}` : ''}.`
  );
}

const printPeriod = (ms: number): string => (Number.isInteger(ms) ? printDuration(ms) : formatDuration(ms));

function wantedText({ wanted, plan }: Estimate): string {
  if (!wanted) return '';
  const where = wanted.affected < plan.targets ? ` at ${wanted.affected} of ${plan.targets} targets` : '';
  const fault = `a loss of ${formatPercent(wanted.loss)}${where}`;
  const within = formatDuration(wanted.withinMs);
  if (wanted.everyMs !== null) {
    const sure = wanted.found.p95Ms === null ? 'on average' : 'in 95 of 100 cases';
    return `${title(`every: ${printDuration(wanted.everyMs)}`)} finds ${fault} within ${within}, ${sure}.`;
  }
  const why = {
    objective: `${fault} is never told of: the objective allows as much, or nearly. A higher one finds it, such as --delivered ${formatPercent(1 - wanted.loss / 10)}.`,
    deadline: `no rate finds ${fault} within ${within}: its deadline and the look after it take longer. Lower on_time_within or lost_after.`,
    rate: `no rate up to ten a second finds ${fault} within ${within}. More targets do.`,
  }[wanted.reason];
  return `${title('Can’t be had:')} ${why}`;
}

function faultsText({ faults, plan, onsets }: Estimate): string {
  const time = (ms: number | null): string => (ms === null ? '–' : formatDuration(ms));
  const rows = faults.map(f => [
    formatPercent(f.loss),
    plan.targets === 1 ? '' : f.affected === plan.targets ? 'everywhere' : `at 1 of ${whole(plan.targets)}`,
    ...(f.objective === null
      ? ['never: the objective allows it']
      : [time(f.meanMs), time(f.p95Ms), time(f.meanMsMax), as(f)]),
  ]);
  const heading = ['lost', '', 'mean', '95 of 100', 'mean at most', ''];
  const spreads = [
    ['spreading over τ as 1 − e^(−t/τ), median', ...onsets.map(o => formatDuration(o.tauMs))],
    ['a canary meets any agent: second loss', ...onsets.map(o => formatDuration(o.secondLossMs))],
    [
      `${plan.targets === 1 ? 'the one pinned agent' : `the first of ${whole(plan.targets)} pinned agents`} fails`,
      ...onsets.map(o => formatDuration(o.firstTargetMs)),
    ],
  ];
  return [
    `\n${title('Told of, from its onset')} (by the detector itself, simulated; “at most” by theory)`,
    columns([heading, ...rows], '  '),
    columns(spreads, '  '),
  ].join('\n');
}

const as = ({ objective }: Found): string => (objective === 'on_time' ? 'as overdue' : 'as lost');

function claimsText({ clean, claim, plan }: Estimate): string {
  const lines = clean.map(
    c =>
      `  ${c.days === 1 ? 'a day' : `${c.days} days`}, ${whole(c.canaries)} canaries: the loss is below ${below(c.below95)} (95% confidence), ${below(c.below99)} (99%)`,
  );
  const needed = Number.isFinite(claim.canaries95)
    ? `  ${formatPercent(plan.delivered)} delivered may be claimed after ${whole(claim.canaries95)} (95%) or ${whole(claim.canaries99)} (99%): ${formatDuration(claim.afterMs95)} at this rate`
    : '  100% delivered can’t be claimed, whatever arrives';
  return `\n${title('With every canary back, this may be claimed of canaries on this path')}\n${[...lines, needed].join('\n')}`;
}

function agentsText({ agents, plan }: Estimate): string {
  const own = `yours: ${whole(plan.targets)}`;
  const rows = agents.map(a => [
    `${whole(a.affected)} of ${whole(a.agents)} agents fail`,
    `${whole(a.cover)} must carry a canary`,
    `${own}, met with ${formatPercent(Math.round(a.met * 1000) / 1000)}`,
  ]);
  return `\n${title('To meet a fault of single agents, 95%')}\n${columns(rows, '  ')}`;
}

function costText({ bytesPerCanary, canariesPerDay, looks, plan }: Estimate): string {
  const sent =
    bytesPerCanary === null
      ? `sent: ${whole(canariesPerDay)} sign-ins; the provider writes their records, so their size isn’t known here`
      : `sent: ${whole(canariesPerDay)} × ${formatBytes(bytesPerCanary)} (${plan.event?.format}) = ${formatBytes(canariesPerDay * bytesPerCanary)}, before what carries and indexes it`;
  return `\n${title('Cost of a day')}\n  ${sent}\n${looks.map(l => `  ${looksText(l)}`).join('\n')}`;
}

function looksText({ checkpoint, kind, way, looks, rows, bytes, askedMs }: Looks): string {
  const who = `${checkpoint} (${kind}):`;
  if (way === 'receive') return `${who} pushed here; ${whole(looks)} self-probes`;
  if (way === 'follow') return `${who} ${whole(looks)} looks, each line of the log read once`;
  const read = bytes === null ? '' : ` (${formatBytes(bytes)})`;
  return `${who} ${whole(looks)} queries, ${whole(rows ?? 0)} rows${read}; ranges sum to ${whole((askedMs ?? 0) / HOUR_MS)} h of log`;
}

function burnText({ burnRates, plan }: Estimate): string {
  const perMinute = (plan.targets * 60_000) / plan.everyMs;
  const lines = (['delivered', 'on_time'] as const).flatMap(objective => {
    const own = burnRates.filter(b => b.objective === objective);
    const [first] = own;
    if (!first) return [];
    const fires = own.filter(b => b.oneLossFires);
    const share = formatPercent(objective === 'delivered' ? plan.delivered : plan.onTime);
    const which = fires.map(b => `${b.severity} ${b.factor}× over ${formatDuration(b.longMs)}`);
    const says =
      fires.length === 0
        ? 'one loss fires none'
        : `one loss alone fires ${which.join(', ')}; from ${count(first.perMinuteForTwo)} a minute on the page takes ${LOSSES_MIN}, from ${count(first.perMinuteForThree)} three`;
    return [`  ${objective} ${share}: ${says}`];
  });
  const note = `  so a rule needs at least ${LOSSES_MIN} losses in its long window; you send ${count(perMinute)} a minute`;
  return `\n${title('Burn-rate rules of your own')} (SRE workbook, 30 d)\n${[...lines, note].join('\n')}`;
}
