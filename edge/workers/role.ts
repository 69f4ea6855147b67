/** The argument that makes the edge's entry a worker. */
export const WORKER_ARGUMENT = 'worker';

/** Whether this process was forked by an edge to be one of its workers. */
export const isWorkerProcess = (): boolean => process.argv[2] === WORKER_ARGUMENT && process.send !== undefined;
