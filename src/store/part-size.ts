/** Canaries in one row of `beat`. Apart from the tables: the engine needs it, and not drizzle. */
export const PART_SIZE = 1000;
