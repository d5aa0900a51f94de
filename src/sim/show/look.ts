/** What the screen is drawn on: how wide, with which signs, and with which colours. */

export type Paint = (
  colour: 'plain' | 'bold' | 'dim' | 'red' | 'green' | 'yellow' | 'cyan',
  text: string,
) => string;

export interface Look {
  /** 80–100 are used. */
  readonly columns: number;
  /** Nothing beyond ASCII. */
  readonly ascii: boolean;
  readonly paint: Paint;
}
