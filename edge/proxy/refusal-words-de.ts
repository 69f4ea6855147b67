import type { FailureCode } from '../../shared/domain/failure.ts';

/** What a refusal page says in German: heading, the sentence of the code, what the visitor can do, what the owner can. */
export interface GermanWords {
  readonly title: string;
  /** `{name}` is filled in as in the registry. */
  readonly message: string;
  readonly visitor: string;
  readonly owner: string;
}

const words = (title: string, message: string, visitor: string, owner = ''): GermanWords => ({
  title,
  message,
  visitor,
  owner,
});

const LATER = 'Versuche es gleich noch einmal. Bleibt es so, sag der Person Bescheid, von der du die Adresse hast.';
const TELL = 'Sag der Person Bescheid, von der du die Adresse hast. Ein neuer Versuch hilft nicht.';
const SOON = 'Versuche es gleich noch einmal.';
const ASK = 'Frag die Person, von der du die Adresse hast.';

const WORDS: Partial<Record<FailureCode, GermanWords>> = {
  request_malformed: words(
    'Diese Anfrage ist nicht gültig',
    'Die Anfrage war kein gültiges HTTP.',
    'Geh zurück und öffne die Adresse neu.',
  ),
  request_timeout: words(
    'Die Anfrage hat zu lange gedauert',
    'Die Anfrage kam nicht rechtzeitig an.',
    'Prüfe deine Verbindung und versuche es noch einmal.',
  ),
  head_too_large: words(
    'Die Anfrage ist zu groß',
    'Die Kopfzeilen der Anfrage sind zu groß.',
    'Lösche die Cookies dieser Seite und öffne sie neu.',
  ),
  target_too_long: words('Die Adresse ist zu lang', 'Die Adresse der Anfrage ist zu lang.', 'Öffne eine kürzere.'),
  misdirected: words(
    'Diese Verbindung gehört zu einem anderen Namen',
    'Die Verbindung wurde für einen anderen Namen geöffnet.',
    'Öffne die Adresse noch einmal.',
  ),
  loop_detected: words(
    'Dieser Dienst führt zu sich selbst zurück',
    'Das Ziel dieses Dienstes führt zum Dienst selbst.',
    TELL,
    'Ist er deiner: Sein Ziel ist die Adresse von Porthole selbst. Wähle in Porthole die deines Servers.',
  ),
  login_required: words(
    'Melde dich zuerst an',
    'Dieser Dienst fragt seine Besucher nach einer Anmeldung.',
    'Öffne die Adresse in einem Browser, oder sende die Zugangsdaten, die du bekommen hast.',
  ),
  login_failed: words(
    'Das war nicht richtig',
    'Das war nicht richtig. Versuche es noch einmal.',
    'Prüfe, was du bekommen hast, und versuche es noch einmal.',
  ),
  header_rejected: words(
    'Diese Zugangsdaten sind nicht richtig',
    'Die Zugangsdaten der Anfrage sind nicht richtig.',
    'Prüfe, was du bekommen hast, und versuche es noch einmal.',
  ),
  login_locked: words(
    'Zu viele Fehlversuche',
    'Zu viele Fehlversuche. Warte {seconds} Sekunden und versuche es dann noch einmal.',
    'Warte eine Weile, bevor du es noch einmal versuchst.',
  ),
  login_busy: words('Zu viele Anmeldungen', 'Gerade melden sich zu viele an.', SOON),
  login_cross_site: words(
    'Das kam von einer anderen Seite',
    'Die Anmeldung kam von einer anderen Seite und wurde deshalb nicht angenommen.',
    'Öffne die Adresse selbst und melde dich dort an.',
  ),
  sso_failed: words('Die Anmeldung hat nicht geklappt', '{reason}', LATER),
  sso_expired: words(
    'Diese Anmeldung ist vorbei',
    'Die Anmeldung hat zu lange gedauert oder wurde anderswo begonnen.',
    'Beginne sie noch einmal.',
  ),
  sso_denied: words(
    'Du gehörst nicht zu denen, die hereinkommen',
    'Du bist angemeldet, aber nicht als jemand, der hereingelassen wird.',
    'Melde dich mit einem anderen Konto an, oder bitte die Person, von der du die Adresse hast, dich hereinzulassen.',
  ),
  share_invalid: words(
    'Dieser Link ist nicht gültig',
    'Dieser Link ist nicht gültig. Bitte um einen neuen.',
    'Prüfe, ob er ganz kopiert wurde, oder bitte um einen neuen.',
  ),
  share_over: words(
    'Dieser Link ist vorbei',
    'Dieser Link ist abgelaufen, aufgebraucht oder zurückgenommen.',
    'Bitte die Person, von der du ihn hast, um einen neuen.',
  ),
  ip_restricted: words('Kein Zutritt von hier', 'Besucher von dieser Adresse werden nicht hereingelassen.', ASK),
  country_restricted: words(
    'Kein Zutritt aus diesem Land',
    'Besucher aus diesem Land werden nicht hereingelassen.',
    ASK,
  ),
  geo_unavailable: words('Gerade kein Zutritt', 'Woher Besucher kommen, lässt sich gerade nicht feststellen.', LATER),
  crowdsec_ban: words('Kein Zutritt von hier', 'Diese Adresse ist für Angriffe bekannt.', ASK),
  crowdsec_captcha: words('Kein Zutritt von hier', 'Diese Adresse ist für verdächtige Anfragen bekannt.', ASK),
  crowdsec_throttle: words('Gerade kein Zutritt', 'Diese Adresse ist für zu viele Anfragen bekannt.', LATER),
  crowdsec_unavailable: words(
    'Gerade kein Zutritt',
    'Der Ruf von Adressen lässt sich gerade nicht feststellen.',
    LATER,
  ),
  no_service: words(
    'Hier ist nichts veröffentlicht',
    'Unter {host} gibt es keinen Dienst.',
    'Prüfe die Adresse auf Tippfehler. Vielleicht wurde der Dienst auch entfernt.',
    'Ist er deiner: Veröffentliche ihn neu, oder sieh in Porthole seine jetzige Adresse nach.',
  ),
  no_target: words(
    'Unter diesem Pfad ist nichts veröffentlicht',
    'Kein Ziel dieses Dienstes nimmt diesen Pfad.',
    'Prüfe die Adresse auf Tippfehler.',
  ),
  service_disabled: words(
    'Gerade nicht öffentlich',
    'Dieser Dienst ist ausgeschaltet.',
    'Sein Besitzer hat ihn fürs Erste geschlossen. Komm später wieder.',
    'Ist er deiner: Schalte ihn in Porthole ein.',
  ),
  agent_offline: words(
    'Gerade offline',
    'Der Laptop hinter diesem Dienst ist offline.',
    LATER,
    'Ist er deiner: Wecke den Laptop und prüfe, ob Porthole läuft und verbunden ist.',
  ),
  tunnel_lost: words('Die Verbindung zum Laptop ist abgebrochen', 'Die Verbindung zum Laptop ist abgebrochen.', SOON),
  busy: words('Gerade zu viel los', 'Gerade sind zu viele Anfragen unterwegs.', SOON),
  draining: words('Der Edge startet neu', 'Dieser Edge startet gerade neu.', SOON),
  internal: words('Am Edge ist etwas schiefgegangen', 'In Porthole ist etwas schiefgegangen.', LATER),
  origin_refused: words(
    'Die App läuft nicht',
    'Auf {target} lauscht niemand.',
    LATER,
    'Ist sie deine: Starte deinen Server, oder ändere in Porthole den Port.',
  ),
  origin_unresolved: words(
    'Die App ist nicht zu finden',
    'Der Name von {target} lässt sich auf dem Laptop nicht auflösen.',
    LATER,
    'Ist sie deine: Prüfe den Host des Ziels.',
  ),
  origin_untrusted: words(
    'Der App ist nicht zu trauen',
    'Der Laptop vertraut dem Zertifikat von {target} nicht.',
    TELL,
    'Ist sie deine: Vertraue ihrem Zertifikat auf dem Laptop, oder lass es in Porthole ungeprüft.',
  ),
  origin_timeout: words(
    'Die App antwortet nicht',
    '{target} hat nicht rechtzeitig geantwortet.',
    LATER,
    'Ist sie deine: Prüfe, ob sie erreichbar ist.',
  ),
  origin_not_allowed: words(
    'Der Laptop hat das nicht erlaubt',
    'Der Laptop hat {target} nicht erlaubt.',
    'Sag der Person Bescheid, von der du die Adresse hast: Es muss auf dem Laptop selbst erlaubt werden.',
    'Ist er deiner: Erlaube das Ziel in Porthole auf dem Laptop.',
  ),
  origin_bad_response: words(
    'Die App hat etwas Unlesbares gesendet',
    '{target} hat etwas gesendet, das kein gültiges HTTP ist.',
    LATER,
    'Ist sie deine: Prüfe, ob der Port HTTP spricht, oder ob er https will.',
  ),
  origin_closed: words(
    'Die App hat abgebrochen',
    '{target} hat die Verbindung vor der Antwort geschlossen.',
    LATER,
    'Ist sie deine: Sieh in ihr Protokoll; sie hat die Verbindung ohne Antwort geschlossen.',
  ),
};

/** What to say in German about `code`; `undefined` where there is only the English. */
export const germanWords = (code: FailureCode): GermanWords | undefined => WORDS[code];
