/** Whose work it is, for the API's connections to the database. */
export { onBehalfOf } from '../db/pool.ts';
