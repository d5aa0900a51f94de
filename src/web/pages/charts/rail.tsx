/** One row's piece of the checkpoint tree, drawn in the gutter beside it. Decoration: the words beside it say `after …`. */
import type { LaneRow, Placed } from './tree.ts';

const LANE_PX = 18;
const NODE_Y = 22;
const xOf = (lane: number): number => 11 + lane * LANE_PX;

export const railWidth = (lanes: number): number => xOf(lanes - 1) + 11;

export const Rail = ({ row, lanes, state }: { row: LaneRow<Placed>; lanes: number; state: string }) => (
  <svg class="rail" width={railWidth(lanes)} height="100%" aria-hidden="true" focusable="false">
    {row.passing.map(lane => (
      <line class="lane" x1={xOf(lane)} x2={xOf(lane)} y1="0" y2="100%" />
    ))}
    {row.lane === row.from ? (
      <line class="lane" x1={xOf(row.lane)} x2={xOf(row.lane)} y1="0" y2={NODE_Y} />
    ) : (
      <path
        class="lane"
        d={`M${xOf(row.from)} 0C${xOf(row.from)} ${NODE_Y - 6} ${xOf(row.lane)} ${NODE_Y - 16} ${xOf(row.lane)} ${NODE_Y}`}
      />
    )}
    {row.goesOn ? <line class="lane" x1={xOf(row.lane)} x2={xOf(row.lane)} y1={NODE_Y} y2="100%" /> : null}
    <circle class={`stop s-${state}`} cx={xOf(row.lane)} cy={NODE_Y} r={row.leaf ? 6 : 5} />
    {row.leaf ? <circle class={`core s-${state}`} cx={xOf(row.lane)} cy={NODE_Y} r="2.5" /> : null}
  </svg>
);

/** Where everything starts: the injector. */
export const RailSource = ({ lanes }: { lanes: number }) => (
  <svg class="rail" width={railWidth(lanes)} height="100%" aria-hidden="true" focusable="false">
    <line class="lane" x1={xOf(0)} x2={xOf(0)} y1="50%" y2="100%" />
    <svg x={xOf(0)} y="50%" overflow="visible" aria-hidden="true">
      <path class="origin" d="M-5-5h10v10h-10Z" />
    </svg>
  </svg>
);
