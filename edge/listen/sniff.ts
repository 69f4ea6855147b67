import type { Socket } from 'node:net';
import { DEFAULT_LIMITS } from '../limits.ts';
import { ClientHelloReader } from './client-hello.ts';
import type { HelloLimits } from './peek.ts';

/** Milliseconds of silence after which a client of a shared port counts as one that waits for the server to speak. */
export const SILENCE = 300;

/** What the first moments of a connection to a shared port told. */
export interface Sniffed {
  /** The name in the ClientHello; `undefined` when the client speaks something else, names none, or waits. */
  readonly serverName: string | undefined;
  /** Everything received so far: it belongs to whoever takes the connection over. */
  readonly early: Buffer;
  /** The client has half-closed already. */
  readonly ended: boolean;
  /** Why no more of its ClientHello was waited for, where that is a bound. */
  readonly fault?: 'timeout' | 'too_large';
}

/**
 * Looks at how a connection begins, without an opinion on it: a ClientHello, something else, nothing for `SILENCE` ms
 * (`patient` waits for the whole `helloTime` instead). `done` is called once, with the socket paused and its first
 * bytes taken out; never for a connection that breaks before, of which `gone` is told.
 */
export function sniff(
  socket: Socket,
  patient: boolean,
  done: (sniffed: Sniffed) => void,
  gone: () => void,
  { helloTime, helloSize }: HelloLimits = DEFAULT_LIMITS,
): void {
  const reader = new ClientHelloReader(helloSize);
  const chunks: Buffer[] = [];
  const finish = (serverName: string | undefined, ended = false, fault?: Sniffed['fault']): void => {
    stop();
    socket.pause();
    done({ serverName, early: Buffer.concat(chunks), ended, ...(fault === undefined ? {} : { fault }) });
  };
  const stop = (): void => {
    clearTimeout(timer);
    forgetSilence();
    socket.off('data', onData).off('end', onEnd).off('close', onClose);
  };
  const forgetSilence = (): void => {
    clearTimeout(silence);
    clearImmediate(hush);
  };
  const onEnd = (): void => finish(undefined, true);
  const onClose = (): void => {
    stop();
    gone();
  };
  const onData = (chunk: Buffer): void => {
    forgetSilence();
    chunks.push(chunk);
    const answer = reader.push(chunk);
    if (answer === 'too_large') finish(undefined, false, answer);
    else if (answer !== undefined) finish(typeof answer === 'string' ? undefined : answer.serverName);
  };
  const timer = setTimeout(() => finish(undefined, false, 'timeout'), helloTime);
  let hush: NodeJS.Immediate | undefined;
  // What came while this process was busy is read between the two: it isn't the client who was silent then.
  const silence = patient
    ? undefined
    : setTimeout(() => {
        hush = setImmediate(() => finish(undefined));
      }, SILENCE);
  socket.on('data', onData).on('end', onEnd).on('close', onClose);
}
