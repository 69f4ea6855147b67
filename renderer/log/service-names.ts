import { useMemo } from 'react';
import type { AccessRecord } from '../../shared/domain/access-record.ts';
import { useMirror } from '../state/porthole.tsx';
import { t } from '../strings/strings.ts';

/** What a line's service is called now. */
export type ServiceNames = (record: AccessRecord) => string;

/** Names by service id; lines of removed services, or of none, say so. */
export function useServiceNames(): ServiceNames {
  const services = useMirror((mirror) => mirror.state?.services);
  return useMemo(() => {
    const names = new Map(services?.map((service) => [service.id, service.name]));
    return (record) =>
      record.serviceId === undefined ? t.log.noService : (names.get(record.serviceId) ?? t.log.removedService);
  }, [services]);
}
