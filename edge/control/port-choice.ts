import type { z } from 'zod';
import type { newServiceSchema } from '../../shared/contract/control-api.ts';
import { type Failure, failure } from '../../shared/domain/failure.ts';
import { err, ok, type Result } from '../../shared/domain/result.ts';
import type { DirectMode } from '../../shared/domain/service.ts';
import type { ControlContext } from './context.ts';
import { checkPort, drawPort } from './port-rules.ts';

/** Ports that are drawn before "no free port" is the answer. */
const DRAWS = 64;

/** Ports for one new service, the best first. */
export interface PortChoice {
  /** The port to try; `undefined` for services without one. Fails as `checkPort`, or with `port_exhausted`. */
  next(): Promise<Result<number | undefined, Failure>>;
  /** The port that was tried last is taken: whether another may do. */
  moveOn(): boolean;
}

/** The port that `input` asks for, else (where that is wished, or it asks for none) assigned ones that are free here. */
export function choosePorts(
  context: Pick<ControlContext, 'rules' | 'isPortFree'>,
  input: Pick<z.output<typeof newServiceSchema>, 'mode' | 'listenPort' | 'portFallback'>,
): PortChoice {
  const { mode = 'http', listenPort: wanted, portFallback = false } = input;
  const { ports, random } = context.rules;
  const isFree = async (port: number, of: DirectMode): Promise<boolean> =>
    context.isPortFree === undefined || context.isPortFree(of, port);
  let asked = wanted !== undefined;

  async function draw(of: DirectMode): Promise<Result<number, Failure>> {
    for (let i = 0; i < DRAWS; i++) {
      const port = drawPort(ports, random);
      if (await isFree(port, of)) return ok(port);
    }
    return err(failure('port_exhausted', {}, 'listenPort'));
  }

  return {
    async next() {
      if (asked && wanted !== undefined) {
        const checked = checkPort(ports, mode, wanted);
        if (mode === 'http' || !portFallback) return checked;
        if (checked.ok && (checked.value === undefined || (await isFree(checked.value, mode)))) return checked;
        asked = false;
      }
      if (mode === 'http') return ok(undefined);
      return mode === 'tls' && wanted === undefined ? ok(undefined) : draw(mode);
    },
    moveOn() {
      if (asked && !portFallback) return false;
      asked = false;
      return true;
    },
  };
}
