/** duckrow: many processes, one DuckDB file, no lock errors, nothing lost. */

import { core } from './core';

export { BusyError, DuckrowError, IdleError, ServiceError } from './errors';
export { openDuckDb } from './open';
export { Reader, ReaderStatement } from './reader';
export { stage } from './staging';
export { status, type ProcessStatus, type StagingStatus, type Status } from './status';
export type { Holder } from './core';
export type { Appender, DuckDb, OpenOptions, Outcome, Parameter, Parameters, Row, Rows, Statement } from './surface';

/** duckrow's. */
export const version: string = core.version;
/** Every error that duckrow has, with its code, exit status and SQLSTATE. */
export const errors = core.errors;
