import type { FailureCode } from '../domain/failure.ts';

/** What no window shows: what visitors meet on their pages and in their protocol, and what ends a command line. */
type Elsewhere =
  // What visitors meet; the log names these codes in words of its own.
  | 'ip_restricted'
  | 'country_restricted'
  | 'geo_unavailable'
  | 'crowdsec_ban'
  | 'crowdsec_captcha'
  | 'crowdsec_throttle'
  | 'crowdsec_unavailable'
  | 'login_required'
  | 'login_failed'
  | 'login_locked'
  | 'login_cross_site'
  | 'header_rejected'
  | 'share_invalid'
  | 'share_over'
  | 'sso_denied'
  | 'sso_failed'
  | 'sso_expired'
  | 'target_too_long'
  | 'method_unsupported'
  | 'version_unsupported'
  | 'expectation_unsupported'
  | 'misdirected'
  | 'loop_detected'
  | 'no_service'
  | 'no_target'
  | 'service_disabled'
  | 'agent_offline'
  | 'idle_timeout'
  // What ends the command line, or the start of an edge that is none of the app's.
  | 'address_invalid'
  | 'service_ambiguous'
  | 'exposure_expired'
  | 'data_missing'
  | 'file_unusable'
  | 'certificate_unusable'
  | 'certificate_missing';

/** A failure that a window, a tray or a notification may show. */
export type WindowCode = Exclude<FailureCode, Elsewhere>;

/** The registry of failures in German. Says du; what happened, what it means, what to do. */
export const FAILURES_DE: Readonly<Record<WindowCode, string>> = {
  // What somebody typed.
  input_invalid: '{reason}',
  port_invalid: 'Port {port} ist nicht gültig. Nimm eine ganze Zahl von 1 bis 65535.',
  name_invalid:
    'Der Name „{name}“ ist nicht gültig: {reason} Nimm Kleinbuchstaben, Ziffern und Bindestriche; vorn und hinten steht ein Buchstabe oder eine Ziffer.',
  domain_invalid: 'Die Domain „{domain}“ ist nicht gültig: {reason}',
  domain_taken:
    'Den Namen {domain} hat schon der Dienst „{owner}“. Wähle einen anderen, oder entferne zuerst diesen Dienst.',
  domain_foreign: 'Die Domain {domain} liegt nicht unter {cluster}. Wähle einen Namen darunter.',
  header_invalid: 'Der Header „{name}“ ist nicht gültig: {reason}',
  host_invalid: 'Der Host „{host}“ ist weder ein Hostname noch eine IP-Adresse.',

  // Ports of TCP, TLS and UDP services.
  port_taken: 'Port {port} hat schon der Dienst „{owner}“. Wähle einen anderen, oder entferne zuerst diesen Dienst.',
  port_reserved: 'Port {port} gehört dem Edge selbst. Wähle einen anderen.',
  port_privileged: 'Port {port} liegt unter 1024, und solche gibt der Edge keinem Dienst. Wähle einen höheren.',
  port_fixed: 'Dieser Edge lässt Dienste ihren Port nicht wählen. Lass ihn leer, und einer wird zugeteilt.',
  port_exhausted:
    'Der Edge hat keinen freien Port mehr. Entferne einen Dienst, der einen hat, oder versuche es später noch einmal.',

  // Joining a cluster.
  token_invalid: 'Das ist kein Beitrittstoken: {reason} Kopiere es noch einmal, ganz.',
  token_unknown: 'Der Edge kennt dieses Beitrittstoken nicht. Bitte um ein neues.',
  token_expired: 'Dieses Beitrittstoken galt bis {at}. Bitte um ein neues.',
  token_used: 'Dieses Beitrittstoken wurde schon benutzt. Bitte um ein neues.',
  edge_unreachable: 'Unter {address} antwortet nichts ({reason}). Prüfe die Adresse, und ob der Edge läuft.',
  edge_untrusted:
    'Dem Zertifikat von {address} wird nicht vertraut ({reason}). Frage den Betreiber, und bitte ihn um einen neuen Beitrittslink.',
  edge_incompatible:
    '{address} spricht eine andere Version des Protokolls ({reason}). Aktualisiere, was von beiden älter ist.',
  edge_odd: 'Was unter {address} antwortet, ist kein Edge von Porthole ({reason}).',
  proxy_invalid:
    '{source} nennt einen Proxy, den Porthole nicht benutzen kann: {reason}. Gib ihn in HTTPS_PROXY als http://HOST:PORT an, oder nimm {host} mit NO_PROXY aus, um direkt zu verbinden.',
  proxy_failed:
    'Der Proxy {proxy} führt nicht zu {address} ({reason}). Bitte seinen Betreiber, dich durchzulassen, oder nimm den Edge mit NO_PROXY aus, wenn er direkt erreichbar ist.',
  already_joined: 'Dieser Laptop gehört schon zu {cluster}. Verlasse zuerst diesen Cluster.',

  // Credentials and rights.
  credential_unknown: 'Der Edge kennt diesen Laptop nicht mehr. Tritt ihm neu bei.',
  too_many_tries:
    'Von dieser Adresse kamen zu viele Fehlversuche. Warte {seconds} Sekunden und versuche es dann noch einmal.',
  forbidden: 'Das ist nicht erlaubt: {reason}',
  agent_unknown:
    'Kein Laptop dieses Clusters heißt „{agent}“. Nenne ihn, wie er beim Beitritt hieß, oder mit seiner Id.',
  agent_ambiguous: 'Mehr als ein Laptop dieses Clusters heißt „{agent}“. Nenne ihn mit seiner Id.',

  // Services.
  service_not_found: 'Den Dienst „{service}“ gibt es nicht.',
  exposure_limit:
    'Von diesem Laptop sind schon {limit} Ports mit „porthole expose“ veröffentlicht. Beende zuerst einen davon.',
  service_limit: 'Dieser Cluster nimmt höchstens {limit} Dienste von einem Laptop. Entferne zuerst einen.',

  // The laptop.
  home_unwritable:
    'In den Datenordner {path} lässt sich nicht schreiben ({reason}). Wähle mit PORTHOLE_HOME einen anderen, oder ändere seine Rechte.',
  home_in_use:
    'Ein anderes Porthole (Prozess {pid}) benutzt {path}. Beende es zuerst, oder wähle mit PORTHOLE_HOME einen anderen Ordner.',
  data_unwritable:
    'Der Edge kann in seinen Datenordner {path} nicht schreiben ({reason}). Ändere dessen Rechte, oder wähle einen anderen.',
  data_in_use: 'Ein anderer Edge benutzt den Datenordner {path}. Beende ihn zuerst, oder wähle einen anderen Ordner.',
  data_newer:
    'Die Daten in {path} hat ein neueres Porthole geschrieben (Schema {found}, dieses kennt {known}). Aktualisiere Porthole.',
  data_full: 'Der Datenträger mit {path} ist voll. Nichts wurde geändert. Schaffe Platz und versuche es noch einmal.',
  data_busy: 'Ein anderer Prozess hält die Daten in {path}. Nichts wurde geändert. Versuche es gleich noch einmal.',
  data_damaged:
    'Die Daten in {path} sind beschädigt ({reason}). Lege eine Sicherung an ihre Stelle, oder wähle einen anderen Ordner.',
  address_in_use: 'Die Adresse {address} ist schon belegt. Beende, was dort lauscht, oder wähle eine andere.',
  address_denied:
    'Auf {address} zu lauschen ist nicht erlaubt. Ports unter 1024 brauchen ein Recht; wähle einen höheren, oder erteile es.',
  address_unavailable:
    'Auf {address} lässt sich nicht lauschen ({reason}). Wähle eine Adresse, die dieser Rechner hat.',
  edge_failed: 'Der Edge auf diesem Laptop ist stehen geblieben ({reason}). Er wird von selbst neu gestartet.',
  edge_restarting:
    'Der Edge auf diesem Laptop wird neu gestartet. Deine Dienste sind nicht erreichbar, bis er wieder da ist.',
  app_not_running: 'Hier läuft kein Porthole. Starte es mit „porthole up“, oder öffne die App.',
  vault_failed:
    'Ein Geheimnis ließ sich nicht lesen oder aufbewahren ({reason}). Entsperre deinen Schlüsselbund, oder setze PORTHOLE_PASSPHRASE, und versuche es noch einmal.',
  trust_failed: 'Die Zertifizierungsstelle ließ sich nicht eintragen: {reason}',
  offline:
    'Gerade gibt es keine Verbindung zum Edge ({reason}). Deine Dienste sind nicht erreichbar, bis sie wieder da ist.',
  exchange_gone:
    'Diese Anfrage ist nicht mehr aufgehoben. Der Inspektor vergisst nach 10 Minuten, und früher, wenn viel kommt.',
  replay_impossible: 'Diese Anfrage lässt sich nicht noch einmal senden: {reason}',
  channel_unknown: 'Den Aufruf „{channel}“ gibt es nicht.',
  internal: 'In Porthole ist etwas schiefgegangen. Die Einzelheiten stehen im Protokoll.',

  // Who may come in, as the owner sets it.
  pin_invalid: 'Eine PIN hat genau 6 Ziffern, etwa 042917.',
  password_invalid: 'Das kann kein Passwort sein: {reason}',
  auth_mode:
    'Ein {mode}-Dienst kann seine Besucher nicht nach einer Anmeldung fragen; das können nur http-Dienste. Beschränke ihn nach Adresse oder Land.',
  provider_unknown:
    'Dieser Cluster hat keinen Anmeldedienst {provider}. Lass die Anmeldung mit Konto weg, oder bitte den Betreiber des Edge, einen einzurichten.',
  cidr_invalid: '„{cidr}“ ist kein Netz: {reason}',
  country_invalid: '„{country}“ ist kein Länderkürzel aus zwei Buchstaben, etwa DE.',
  list_too_long: 'Die Liste hat {count} Einträge; höchstens {limit} sind möglich.',
  share_not_found: 'Den Link zum Teilen „{share}“ gibt es nicht.',
  share_limit: 'Dieser Dienst hat schon {limit} Links zum Teilen. Nimm zuerst einen zurück.',
  share_public:
    'Der Dienst „{service}“ ist öffentlich; ein Link hielte niemanden fern. Schütze ihn zuerst, oder teile seine Adresse.',
  login_busy: 'Gerade melden sich zu viele an. Versuche es gleich noch einmal.',

  // What a call to the edge, or a request that is sent again, may end with.
  request_malformed: 'Die Anfrage war kein gültiges HTTP.',
  request_timeout: 'Die Anfrage kam nicht rechtzeitig an.',
  head_too_large: 'Die Kopfzeilen der Anfrage sind zu groß.',
  body_too_large: 'Die Anfrage ist zu groß.',
  busy: 'Zu viele Anfragen sind unterwegs. Versuche es gleich noch einmal.',
  draining: 'Dieser Edge startet neu. Versuche es gleich noch einmal.',
  origin_refused: 'Auf {target} lauscht nichts.',
  origin_unresolved: 'Der Name von {target} lässt sich auf dem Laptop nicht auflösen.',
  origin_untrusted: 'Der Laptop vertraut dem Zertifikat von {target} nicht.',
  origin_timeout: '{target} hat nicht rechtzeitig geantwortet.',
  origin_not_allowed: 'Der Laptop hat {target} nicht erlaubt.',
  origin_bad_response: '{target} hat etwas gesendet, das kein gültiges HTTP ist.',
  origin_closed: '{target} hat die Verbindung geschlossen, bevor eine Antwort kam.',
  tunnel_lost: 'Die Verbindung zum Laptop ist abgerissen.',
};
