import { useCallback, useEffect, useRef, useState } from 'react';
import type { Channel, Input, Outputs } from '../../shared/contract/ipc.ts';
import type { Failure } from '../../shared/domain/failure.ts';
import { usePorthole } from './porthole.tsx';

export interface Call<C extends Channel> {
  /** Runs the call; yields its value, or undefined when it failed (see `failure`) or one is under way already. */
  readonly run: (input: Input<C>) => Promise<Outputs[C] | undefined>;
  readonly pending: boolean;
  readonly failure: Failure | undefined;
  readonly clear: () => void;
}

/** One call of the contract as a component uses it: at most one under way, its last failure kept until the next. */
export function useCall<C extends Channel>(channel: C): Call<C> {
  const { transport } = usePorthole();
  const [pending, setPending] = useState(false);
  const [failure, setFailure] = useState<Failure | undefined>(undefined);
  const busy = useRef(false);
  const mounted = useRef(true);
  useEffect(() => {
    mounted.current = true;
    return () => {
      mounted.current = false;
    };
  }, []);
  const run = useCallback(
    async (input: Input<C>) => {
      if (busy.current) return undefined;
      busy.current = true;
      setPending(true);
      setFailure(undefined);
      const reply = await transport.call(channel, input);
      busy.current = false;
      if (mounted.current) {
        setPending(false);
        if (!reply.ok) setFailure(reply.error);
      }
      return reply.ok ? reply.value : undefined;
    },
    [transport, channel],
  );
  const clear = useCallback(() => setFailure(undefined), []);
  return { run, pending, failure, clear };
}
