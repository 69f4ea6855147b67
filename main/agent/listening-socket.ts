/** A TCP socket that listens, as the system lists it. */
export interface ListeningSocket {
  readonly address: string;
  readonly port: number;
  readonly pid?: number;
  /** What to call the process. */
  readonly process?: string;
  /** The process is an edge of some Porthole: publishing it would publish what is public already. */
  readonly edge?: true;
}

/** Lists what listens; throws when the system won't say. */
export type SocketScan = (signal: AbortSignal) => Promise<readonly ListeningSocket[]>;
