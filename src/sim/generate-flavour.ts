/** The flavours of storms: a run in which one kind of thing goes wrong tells more than one in which everything does. */

/** What a seed's storm consists of. */
export const FLAVOURS = [
  'path',
  'query',
  'crashes',
  'store',
  'clocks',
  'replicas',
  'wire',
  'everything',
  'nothing',
] as const;
export type Flavour = (typeof FLAVOURS)[number];

/** Seeds of one flavour are spread evenly: any nine in a row have all. */
export const flavourOf = (seed: number): Flavour =>
  FLAVOURS[((seed % FLAVOURS.length) + FLAVOURS.length) % FLAVOURS.length]!;
