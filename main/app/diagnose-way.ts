import { lookup } from 'node:dns/promises';
import { isIP } from 'node:net';
import { type AddressRace, raceAddresses } from '../agent/address-race.ts';
import { errorCode, unreachableReason } from '../agent/dial-error.ts';
import { describeEdge, type EdgeAddress } from '../agent/edge-address.ts';
import { isLocalhostName, LOOPBACK } from '../agent/loopback.ts';
import { type HttpProxy, type Route, SYSTEM, type Way } from '../agent/proxy.ts';
import type { FindWay } from '../agent/proxy-choice.ts';
import { openTunnel } from '../agent/proxy-tunnel.ts';
import { fail, type Probes, STEP_LIMIT, type Verdict } from './diagnose.ts';

/** Milliseconds for reaching the edge by all routes together: a moment less than the step has, whose end says less. */
const REACH_LIMIT = STEP_LIMIT - 500;
/** Addresses of a name that are tried. */
const MOST_ADDRESSES = 8;

interface Address {
  readonly address: string;
  readonly family: number;
}

/** What this laptop connects to itself: the edge, or a proxy that leads there. */
interface Stop {
  readonly route: Route;
  readonly host: string;
  readonly addresses: readonly Address[];
}

/**
 * Looks at the way to the edge at `address`: whether a proxy is on it, then the name of what is dialled, then whether a
 * connection to the edge comes up. They follow one another.
 */
export function createWayProbes(address: EdgeAddress, findWay: FindWay): Pick<Probes, 'proxy' | 'name' | 'port'> {
  const stopAt = (route: Route): Stop => ({
    route,
    host: route === 'direct' ? address.host : route.host,
    addresses: [],
  });
  let stops: readonly Stop[] = [];
  return {
    async proxy(signal) {
      const found = await findWay(address.host, address.port, signal);
      if (!found.ok) return fail('proxy_invalid', { reason: found.error });
      stops = found.value.routes.map(stopAt);
      return judgeWay(found.value);
    },
    async name() {
      const looked = await Promise.all(stops.map(lookUp));
      stops = looked.map(({ stop }) => stop).filter(({ addresses }) => addresses.length > 0);
      return firstGood(looked.map(({ verdict }) => verdict));
    },
    async port(signal) {
      const verdicts: Verdict[] = [];
      for (const stop of stops) {
        // As the agent does, the next one is tried where this one fails.
        const verdict = await reach(stop, address, signal, REACH_LIMIT / stops.length);
        verdicts.push(verdict);
        if (verdict.state === 'ok') break;
      }
      return firstGood(verdicts);
    },
  };
}

const firstGood = (verdicts: readonly Verdict[]): Verdict =>
  verdicts.find(({ state }) => state === 'ok') ?? verdicts[0] ?? fail('port_silent');

/** Says who names which proxy. Only where it is, since what names it may hold a password. */
export function judgeWay({ routes, from, spared, untold }: Way): Verdict {
  const proxies = routes.filter((route) => route !== 'direct').map((route) => route.place);
  const proxy = proxies.join(', ');
  if (from === SYSTEM) return { state: 'ok', finding: 'proxy_system', values: { proxy } };
  if (from !== undefined) return { state: 'ok', finding: 'proxy_variable', values: { proxy, variable: from } };
  if (untold === true) return { state: 'warn', finding: 'proxy_untold' };
  if (spared !== undefined) return { state: 'ok', finding: 'proxy_spared', values: { variable: spared } };
  return { state: 'ok', finding: 'proxy_none' };
}

async function lookUp(stop: Stop): Promise<{ readonly stop: Stop; readonly verdict: Verdict }> {
  const { host } = stop;
  const family = isIP(host);
  if (family !== 0) {
    const verdict: Verdict = { state: 'ok', finding: 'name_is_address', values: { host } };
    return { stop: { ...stop, addresses: [{ address: host, family }] }, verdict };
  }
  try {
    const addresses = await addressesOf(host);
    const found = addresses.map(({ address }) => address).join(', ');
    return { stop: { ...stop, addresses }, verdict: { state: 'ok', finding: 'name_ok', values: { host, found } } };
  } catch (error) {
    const unanswered = ['EAI_AGAIN', 'EAI_FAIL'].includes(errorCode(error));
    return { stop, verdict: fail(unanswered ? 'name_unanswered' : 'name_unknown', { host }) };
  }
}

const addressesOf = async (host: string): Promise<readonly Address[]> =>
  isLocalhostName(host) ? LOOPBACK : (await lookup(host, { all: true })).slice(0, MOST_ADDRESSES);

async function reach(stop: Stop, address: EdgeAddress, signal: AbortSignal, limit: number): Promise<Verdict> {
  const { route, addresses } = stop;
  if (route !== 'direct') return reachThrough(route, address, signal, limit);
  const at = describeEdge(address);
  const outcome = await race(addresses, address.port, AbortSignal.any([signal, AbortSignal.timeout(limit)]));
  if (typeof outcome === 'number') return { state: 'ok', finding: 'port_ok', values: { at, ms: Math.ceil(outcome) } };
  if (outcome === 'ECONNREFUSED') return fail('port_refused', { at });
  if (outcome === 'ETIMEDOUT') return fail('port_silent', { at });
  return fail('port_failed', { at, reason: unreachableReason(outcome) ?? outcome });
}

/** Milliseconds until one of `addresses` took a connection; else the code of what was in the way. */
function race(addresses: readonly Address[], port: number, signal: AbortSignal): Promise<string | number> {
  const began = performance.now();
  return new Promise((resolve) => {
    const running: AddressRace = raceAddresses(addresses, port, (result) => {
      if (typeof result === 'string') return resolve(result);
      result.on('error', () => {}).destroy();
      resolve(performance.now() - began);
    });
    const giveUp = (): void => {
      running.cancel();
      resolve('ETIMEDOUT');
    };
    signal.addEventListener('abort', giveUp, { once: true });
  });
}

async function reachThrough(
  via: HttpProxy,
  address: EdgeAddress,
  signal: AbortSignal,
  limit: number,
): Promise<Verdict> {
  const began = performance.now();
  const opened = await openTunnel(via, address, signal, limit);
  const [proxy, at] = [via.place, describeEdge(address)];
  if (opened.ok) {
    opened.value.destroy();
    return { state: 'ok', finding: 'port_by_proxy', values: { proxy, at, ms: Math.ceil(performance.now() - began) } };
  }
  const { kind, reason } = opened.error;
  if (kind === 'credentials') return fail('proxy_credentials', { proxy });
  return fail(kind === 'refused' ? 'proxy_refused' : 'proxy_unreached', { proxy, at, reason });
}
