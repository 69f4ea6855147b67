import { type Failure, failure } from '../../shared/domain/failure.ts';
import { type Because, because, type Reason } from '../../shared/domain/reason.ts';
import { err, ok, type Result } from '../../shared/domain/result.ts';
import { authority } from '../../shared/domain/service.ts';
import { isThisMachine } from './loopback.ts';
import { DIRECT, parseProxy, SYSTEM, type Way } from './proxy.ts';
import { type Environment, environmentProxy, readExceptions } from './proxy-environment.ts';
import { createSystemAsker, type ResolveProxy } from './proxy-system.ts';

/**
 * Tells the way to a place. Fails with `proxy_invalid`; takes a bounded time, and gives up asking the operating system
 * when `signal` aborts.
 */
export type FindWay = (host: string, port: number, signal: AbortSignal) => Promise<Result<Way, Failure>>;

/** Finds no proxy, whatever is set. */
export const directly: FindWay = async () => ok(DIRECT);

/**
 * Finds the way as the user has set it: by the environment, else by the operating system, where the host can ask it.
 * This machine is always reached directly, and so is what `NO_PROXY` names, whoever names the proxy.
 */
export function createWayFinder(env: Environment, resolve?: ResolveProxy): FindWay {
  const named = environmentProxy(env);
  const proxy = named === undefined ? undefined : parseProxy(named.text);
  const isException = readExceptions(env);
  const askSystem = resolve === undefined ? undefined : createSystemAsker(resolve);
  return async (host, port, signal) => {
    if (isThisMachine(host)) return ok(DIRECT);
    if (isException(host, port)) return ok(named === undefined ? DIRECT : { ...DIRECT, spared: named.variable });
    if (named !== undefined && proxy !== undefined)
      return proxy.ok
        ? ok({ routes: [proxy.value], from: named.variable })
        : err(invalid(host, named.variable, proxy.error));
    if (askSystem === undefined) return ok(DIRECT);
    const answer = await askSystem(`https://${authority(host, port)}/`, signal);
    if (answer === undefined) return ok({ ...DIRECT, untold: true });
    if (answer.routes.length === 0)
      return err(invalid(host, because('the_system'), because('proxy_kind', { kinds: answer.unusable.join(', ') })));
    return ok(answer.routes.every((route) => route === 'direct') ? DIRECT : { routes: answer.routes, from: SYSTEM });
  };
}

const invalid = (host: string, source: Reason, reason: Because): Failure =>
  failure('proxy_invalid', { source, reason, host });
