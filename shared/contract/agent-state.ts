/** What the UI shows: one versioned snapshot, made by main, mirrored and never owned by the renderer. JSON only. */
import type { Failure } from '../domain/failure.ts';
import type { GuestService, ServiceView } from './control-api.ts';
import type { Diagnosis } from './diagnosis.ts';

/** A local port that something listens on. */
export interface LocalPort {
  readonly port: number;
  /** Addresses it listens on, such as `127.0.0.1`, `::`. */
  readonly addresses: readonly string[];
  /** The process that listens, where the system tells, such as `vite` or `node`. */
  readonly process?: string;
  readonly pid?: number;
  /** The service that publishes it already. */
  readonly serviceId?: string;
}

/** The link between this laptop and its edge. */
export interface LinkState {
  readonly state: 'connecting' | 'up' | 'down' | 'paused';
  /** Since when, milliseconds since the epoch. */
  readonly since: number;
  /** Round-trip time in milliseconds, once measured. */
  readonly roundTrip?: number;
  /** Why it is down. */
  readonly failure?: Failure;
  /** When it tries again, milliseconds since the epoch. */
  readonly nextTryAt?: number;
}

/** A link to one edge node, with what people may want to know of it. */
export interface NodeLink extends LinkState {
  /** Where it is dialled: `edge.example.com:443`. */
  readonly address?: string;
  /** The node's id, while the link is up. */
  readonly nodeId?: string;
  /** Connections that it consists of, now: more than one while it carries much. */
  readonly carriers: number;
  /** Bytes from this laptop to the edge and back, since the link began; as of `roundTrip`. */
  readonly bytesUp: number;
  readonly bytesDown: number;
  /** What went wrong last, also where the link has got over it; `at` in milliseconds since the epoch. */
  readonly lastError?: { readonly at: number; readonly failure: Failure };
}

/** A service of another laptop that wants to reach something on this one. */
export interface GuestState extends GuestService {
  /** All of its targets may be reached. */
  readonly allowed: boolean;
  /** The user has said no, so nothing waits for an answer. */
  readonly refused?: true;
}

/** What the user has chosen for this laptop. */
export interface Preferences {
  /** The language of the window; the system's when left out. */
  readonly language?: 'en' | 'de';
  /** Porthole starts, hidden, when the user logs in. */
  readonly startAtLogin: boolean;
  /** System notifications. */
  readonly notifications: boolean;
  /** No notifications from the first to the second time of day (`22:00`, `07:30`), on this machine's clock. */
  readonly quiet?: { readonly from: string; readonly to: string };
  /** Looks for newer versions; never installs one unasked. */
  readonly checkForUpdates: boolean;
}

export const DEFAULT_PREFERENCES: Preferences = {
  startAtLogin: false,
  notifications: true,
  checkForUpdates: true,
};

/**
 * Why a look for newer versions or a download came to nothing. `unreachable`: no answer from where they are. `unusable`:
 * an answer that is no version of Porthole, or a damaged one. `disk`: it can't be written here. `package`: this one was
 * installed in a way that can't replace it.
 */
export type UpdateTrouble = 'unreachable' | 'unusable' | 'disk' | 'package';

/** A newer version of Porthole. */
export interface UpdateState {
  readonly version: string;
  readonly state: 'available' | 'downloading' | 'ready' | 'failed';
  /** 0 to 1, while it is downloading. */
  readonly progress?: number;
  /** With `failed`. */
  readonly why?: UpdateTrouble;
}

/** The last look for a newer version, whether by the clock or on the user's word. */
export interface UpdateLook {
  readonly state: 'looking' | 'none' | 'found' | 'failed';
  /** When it began, or else when it was over; milliseconds since the epoch. */
  readonly at: number;
  /** With `failed`. */
  readonly why?: UpdateTrouble;
}

/** Why a desktop app doesn't look for newer versions. `source`: it was not packaged. `feed`: it is not told where. */
export type UpdatesOff = 'source' | 'feed';

/** How an edge proves who it is. */
export interface EdgeCertificate {
  /** `public`: an authority that every machine knows vouches for it; `private`: a fingerprint or a CA of its own does. */
  readonly kind: 'public' | 'private';
  /** SHA-256 in lower-case hex. */
  readonly fingerprint: string;
}

/** The cluster that this laptop belongs to, as it describes itself. */
export interface ClusterView {
  /** Version of the Porthole that runs it. */
  readonly version: string;
  readonly nodeId: string;
  readonly certificate: EdgeCertificate;
  /** Who runs it, in its own words. */
  readonly operator?: string;
}

/** A join link that waits for the user's answer. Its token stays in main. */
export interface JoinPreview {
  readonly id: string;
  /**
   * `asked`: it came from outside, and nothing was contacted yet. `checking`: the edge is being looked at. `ready`: it
   * can be joined. `joining`. `failed`: see `failure`; it can be tried again.
   */
  readonly state: 'asked' | 'checking' | 'ready' | 'joining' | 'failed';
  /** `edge.example.com:443`. */
  readonly address: string;
  readonly domain?: string;
  readonly version?: string;
  readonly operator?: string;
  readonly certificate?: EdgeCertificate;
  readonly failure?: Failure;
}

export interface AgentState {
  readonly schema: 1;
  /** Grows with every change; a snapshot with a lower one is stale. */
  readonly revision: number;
  readonly phase: 'starting' | 'ready' | 'stopping';
  readonly host: {
    readonly kind: 'web' | 'electron' | 'headless';
    readonly version: string;
    /** `linux`, `darwin`, `win32`. */
    readonly platform: string;
    /** The folder that holds everything Porthole keeps. */
    readonly home: string;
  };
  readonly edge: {
    readonly kind: 'embedded' | 'joined';
    readonly domain: string;
    readonly link: LinkState;
    /** The links to single nodes, of which `link` is the sum; left out where there is no agent. */
    readonly links?: readonly NodeLink[];
    /** Embedded only: the child process. */
    readonly process?: 'starting' | 'running' | 'stopped';
    /** Embedded only: what the user should know about it, such as addresses that changed. A sentence. */
    readonly notice?: string;
    /** Where visitors can sign in; left out when there is none. */
    readonly providers?: readonly { readonly id: string; readonly name: string }[];
    /** Once the edge has told. */
    readonly cluster?: ClusterView;
  };
  /** Newest first. While the edge is away, the last known ones. */
  readonly services: readonly ServiceView[];
  /** False until the first list of services and ports has arrived. */
  readonly servicesKnown: boolean;
  /** Left out when there are none. */
  readonly guests?: readonly GuestState[];
  readonly portsKnown: boolean;
  /** Ascending by port; Porthole's own ports left out. */
  readonly ports: readonly LocalPort[];
  /** Whether this machine trusts the edge's private CA; `none` when the edge has a public certificate. */
  readonly trust: 'none' | 'untrusted' | 'trusted';
  /** Where secrets are kept; `memory` means they are lost at exit and the user should be told. */
  readonly vault: 'keychain' | 'safe-storage' | 'file' | 'memory';
  readonly preferences?: Preferences;
  /** What of `preferences` this host can do; what isn't named, it can't. */
  readonly abilities?: readonly ('startAtLogin' | 'notifications' | 'updates')[];
  /** Left out when there is none. */
  readonly update?: UpdateState;
  /** Left out until there was one. */
  readonly updateLook?: UpdateLook;
  /** Left out where `abilities` names `updates`, and outside the desktop app. */
  readonly updatesOff?: UpdatesOff;
  /** The links to single nodes of the edge, of which `edge.link` is the sum. */
  readonly links?: readonly NodeLink[];
  /** Left out when there is none. */
  readonly join?: JoinPreview;
  /** The last diagnosis of the line, or the one under way. */
  readonly diagnosis?: Diagnosis;
  /** Ids of services whose requests are shown in the inspector; left out when there are none. */
  readonly inspecting?: readonly string[];
  /** Where this start moved settings to that it could not read, and began with empty ones; the user should be told. */
  readonly settingsSetAside?: string;
}

/**
 * The URL to offer for a service: https, unless this machine does not trust the edge's certificate and there is a
 * plain one that opens without a warning. A TCP, TLS or UDP service has just one.
 */
export function offeredUrl(urls: ServiceView['urls'], trust: AgentState['trust']): string {
  if ('direct' in urls) return urls.direct;
  return trust === 'untrusted' && urls.http !== undefined ? urls.http : urls.https;
}

/** The URL for visitors elsewhere: https, or the only one there is. */
export const externalUrl = (urls: ServiceView['urls']): string => offeredUrl(urls, 'none');
