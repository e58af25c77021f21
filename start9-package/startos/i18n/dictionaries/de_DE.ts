import type { Text } from './default'

export const de_DE: Record<Text, string> = {
  '${count} miners are connected': '${count} Miner sind verbunden',
  '${count} more: see the dashboard': 'noch ${count}: siehe die Übersicht',
  '${direct} members connect directly, ${relayed} through a relay':
    '${direct} Mitglieder sind direkt verbunden, ${relayed} über ein Relais',
  '${fees} of it are fees': '${fees} davon sind Gebühren',
  '${host}, at home': '${host}, zu Hause',
  '${host}, from the internet': '${host}, aus dem Internet',
  'A descriptor': 'Ein Deskriptor',
  'A port of its own for NiceHash, Braiins and the like, which ask for a high difficulty.':
    'Ein eigener Port für NiceHash, Braiins und andere, die eine hohe Schwierigkeit verlangen.',
  'A public one of your own wallet; with a * each block pays another of its addresses.':
    'Ein öffentlicher deiner eigenen Wallet; mit einem * zahlt jeder Block an eine andere ihrer Adressen.',
  'Address and key of this pool, for other services':
    'Adresse und Schlüssel dieses Pools, für andere Dienste',
  Address: 'Adresse',
  'Age of the template': 'Alter der Vorlage',
  'All of an event': 'Alle während einer Veranstaltung',
  'All that no block has paid yet': 'Alle, die noch kein Block bezahlt hat',
  'All who worked': 'Alle, die gearbeitet haben',
  Amount: 'Betrag',
  'An address of your own wallet. Check it twice: what is paid to a wrong one is gone.':
    'Eine Adresse deiner eigenen Wallet. Prüfe sie zweimal: Was an eine falsche gezahlt wird, ist weg.',
  'An address of your own wallet; only if there is a fee.':
    'Eine Adresse deiner eigenen Wallet; nur wenn es eine Gebühr gibt.',
  'At least eight characters. Only a hash of it is kept.':
    'Mindestens acht Zeichen. Nur ein Hash davon wird aufbewahrt.',
  'Authority key': 'Pool-Schlüssel',
  'Bitcoin is not installed. Install it first.':
    'Bitcoin ist nicht installiert. Installiere es zuerst.',
  'Bitcoin is not reached. Is it running, and is IPC enabled in it? ${detail}':
    'Bitcoin ist nicht erreichbar. Läuft es, und ist IPC darin eingeschaltet? ${detail}',
  'Bitcoin is still downloading the chain; mining begins after that':
    'Bitcoin lädt noch die Kette; danach beginnt das Minen',
  'Block ${height}': 'Block ${height}',
  'Block ${height}: no news from Bitcoin for ${minutes} min. Is it in sync?':
    'Block ${height}: seit ${minutes} min nichts Neues von Bitcoin. Ist es synchron?',
  'Block templates': 'Blockvorlagen',
  'Blocks pay ${after} instead of ${before} from now on.':
    'Blöcke zahlen ab jetzt an ${after} statt an ${before}.',
  'Blocks pay from now on: ${pays}': 'Blöcke zahlen ab jetzt an: ${pays}',
  'Blocks pay': 'Blöcke zahlen an',
  'Bonus of the finder': 'Bonus des Finders',
  'Builds on': 'Baut auf',
  'By how much fees must have risen.':
    'Um wie viel die Gebühren gestiegen sein müssen.',
  'Charts of the past are gone. Shares, blocks found and payouts stay: they are in the ledger.':
    'Vergangene Kurven sind weg. Shares, gefundene Blöcke und Auszahlungen bleiben: Sie stehen im Hauptbuch.',
  'Coinbase tag': 'Coinbase-Text',
  Configuration: 'Einstellungen',
  Configure: 'Einstellen',
  'Connection Info': 'Verbindungsdaten',
  Connections: 'Verbindungen',
  'Counters and charts begin anew at the next start.':
    'Zähler und Kurven beginnen beim nächsten Start von vorn.',
  Dashboard: 'Übersicht',
  Descriptor: 'Deskriptor',
  'Each miner is paid at its own address.':
    'Jeder Miner wird an seine eigene Adresse bezahlt.',
  'Each miner that finds one': 'Den Miner, der ihn findet',
  'End (UTC)': 'Ende (UTC)',
  'Every accepted share is on disk':
    'Jeder angenommene Share ist auf der Platte',
  'Every invite that you have handed out stops working: members need the new one from Connection Info. The old key is put aside, in old-keys.':
    'Jede Einladung, die du ausgegeben hast, gilt nicht mehr: Mitglieder brauchen die neue aus den Verbindungsdaten. Der alte Schlüssel wird in old-keys aufgehoben.',
  Everything: 'Alles',
  'Fees worth a new template': 'Gebühren für eine neue Vorlage',
  'For friends elsewhere. It holds no secret, but says where the pool is: public addresses and relays.':
    'Für Freunde anderswo. Sie enthält kein Geheimnis, sagt aber, wo der Pool ist: öffentliche Adressen und Relais.',
  'For miners and proxies that speak Stratum V2. Sealed: may be opened to the internet. Connection Info shows the whole address with the key.':
    'Für Miner und Proxys, die Stratum V2 sprechen. Verschlüsselt: darf ins Internet. Die Verbindungsdaten zeigen die ganze Adresse mit dem Schlüssel.',
  'For old miners (Bitaxe, Antminer, Whatsminer, Avalon, NerdMiner). Not sealed: keep it on your own network.':
    'Für alte Miner (Bitaxe, Antminer, Whatsminer, Avalon, NerdMiner). Unverschlüsselt: Behalte es im eigenen Netz.',
  'Give this pool a new authority key':
    'Diesem Pool einen neuen Pool-Schlüssel geben',
  'Give this server a new node ID': 'Diesem Server eine neue Knoten-ID geben',
  'How members with an invite reach the pool':
    'Wie Mitglieder mit einer Einladung den Pool erreichen',
  'How much is written into the logs.':
    'Wie viel ins Protokoll geschrieben wird.',
  'How often each miner sends a share. More makes hashrates steadier and costs bandwidth.':
    'Wie oft jeder Miner einen Share schickt. Mehr macht Hashraten ruhiger und kostet Bandbreite.',
  'How the pool mines': 'Wie der Pool mint',
  'IPC is off in Bitcoin. Do the task that Punchbowl shows first.':
    'IPC ist in Bitcoin aus. Erledige zuerst die Aufgabe, die Punchbowl zeigt.',
  'Invite for the same house': 'Einladung für dasselbe Haus',
  Invite: 'Einladung',
  'Invite, addresses and QR codes for miners and friends':
    'Einladung, Adressen und QR-Codes für Miner und Freunde',
  'Invites and Relays': 'Einladungen und Relais',
  'It names no way in yet: make the interface Node ID public, or choose a relay in Invites and Relays.':
    'Sie nennt noch keinen Weg: Mache die Schnittstelle Knoten-ID öffentlich oder wähle ein Relais unter Einladungen und Relais.',
  Keys: 'Schlüssel',
  'Least difficulty of rented hash rate':
    'Mindestschwierigkeit gemieteter Rechenleistung',
  'Least difficulty': 'Mindestschwierigkeit',
  'Least time between templates': 'Mindestzeit zwischen Vorlagen',
  Ledger: 'Hauptbuch',
  'Let counters and charts begin anew':
    'Zähler und Kurven von vorn beginnen lassen',
  'List at least one relay of your own, or choose another kind.':
    'Trage mindestens ein eigenes Relais ein oder wähle eine andere Art.',
  'Listed members only': 'Nur eingetragene Mitglieder',
  Log: 'Protokoll',
  Maintenance: 'Wartung',
  'Marketplaces ask for 524288 or more.':
    'Marktplätze verlangen 524288 oder mehr.',
  'Members by invite': 'Mitglieder mit Einladung',
  'Members connect by the node ID in their invite: over UDP, sealed, through most routers.':
    'Mitglieder verbinden sich über die Knoten-ID ihrer Einladung: über UDP, verschlüsselt, durch die meisten Router.',
  'Members’ node IDs': 'Knoten-IDs der Mitglieder',
  'Miners can connect': 'Miner können sich verbinden',
  'Miners that speak Stratum V2, and members with an invite, refuse the pool until they get the new address or invite. The ledger goes on, signed by the new key: members who check it are told of the change, so tell them first. Do this only if the key was exposed. The old key is put aside, in old-keys.':
    'Miner mit Stratum V2 und Mitglieder mit Einladung lehnen den Pool ab, bis sie die neue Adresse oder Einladung haben. Das Hauptbuch geht weiter, mit dem neuen Schlüssel unterschrieben: Mitgliedern, die es prüfen, wird der Wechsel gemeldet, also sage es ihnen vorher. Tu das nur, wenn der Schlüssel bekannt geworden ist. Der alte wird in old-keys aufgehoben.',
  Miners: 'Miner',
  'Miners, shares, blocks and payouts':
    'Miner, Shares, Blöcke und Auszahlungen',
  'Mining block ${height}; template of ${seconds} s ago':
    'Block ${height} wird gemint; Vorlage von vor ${seconds} s',
  'My own relays': 'Eigene Relais',
  'My own, listed below': 'Eigene, unten eingetragen',
  'Name the address that the fee goes to.':
    'Nenne die Adresse, an die die Gebühr geht.',
  'Name the new address.': 'Nenne die neue Adresse.',
  'Never below the difficulty that marketplaces ask for.':
    'Nie unter der Schwierigkeit, die Marktplätze verlangen.',
  'New address': 'Neue Adresse',
  'No miner is connected; see Connection Info':
    'Kein Miner ist verbunden; siehe Verbindungsdaten',
  'No share is easier. 0.00001 suits the smallest hobby miners.':
    'Kein Share ist leichter. 0.00001 passt für die kleinsten Hobby-Miner.',
  'No space at either end.': 'Kein Leerzeichen an den Enden.',
  'Nobody is named to be paid. Do the task Set Payout first.':
    'Niemand ist genannt, der bezahlt wird. Erledige zuerst die Aufgabe Auszahlung festlegen.',
  'Node ID (UDP)': 'Knoten-ID (UDP)',
  'Node ID': 'Knoten-ID',
  'Node Info': 'Knotendaten',
  'None: direct connections only': 'Keine: nur direkte Verbindungen',
  'Not needed: the next address of your descriptor is taken.':
    'Nicht nötig: Die nächste Adresse deines Deskriptors wird genommen.',
  'Of your own wallet; every block pays it from now on.':
    'Aus deiner eigenen Wallet; jeder Block zahlt ab jetzt dorthin.',
  'Off in Invites and Relays': 'Aus unter Einladungen und Relais',
  'Old miners (Stratum V1)': 'Alte Miner (Stratum V1)',
  'Old miners can connect': 'Alte Miner können sich verbinden',
  'Old miners, Stratum V1 (${where})': 'Alte Miner, Stratum V1 (${where})',
  'On the same block, miners get a new template no sooner. A new block never waits.':
    'Auf demselben Block bekommen Miner nicht früher eine neue Vorlage. Ein neuer Block wartet nie.',
  'One address takes every block; or a descriptor gives a fresh address for each block; or each miner that finds a block is paid at the address in its user name; or all who worked are paid, in proportion, by the block itself.':
    'Eine Adresse bekommt jeden Block; oder ein Deskriptor gibt für jeden Block eine frische Adresse; oder der Miner, der einen Block findet, wird an die Adresse in seinem Benutzernamen bezahlt; oder alle, die gearbeitet haben, werden anteilig vom Block selbst bezahlt.',
  'One address': 'Eine Adresse',
  'One line each, as `punchbowl relay` prints it on any machine with a public address. Name two: then one may die.':
    'Je eine Zeile, wie `punchbowl relay` sie auf einer Maschine mit öffentlicher Adresse ausgibt. Nenne zwei: Dann darf eines ausfallen.',
  'Only trouble': 'Nur Probleme',
  'Opening the ledger': 'Das Hauptbuch wird geöffnet',
  'Otherwise whoever has the invite may connect.':
    'Sonst darf sich verbinden, wer die Einladung hat.',
  Password: 'Passwort',
  'Pay a fresh address from now on: a new one, or the next of your descriptor':
    'Ab jetzt an eine frische Adresse zahlen: eine neue oder die nächste deines Deskriptors',
  Pays: 'Zahlt an',
  Pool: 'Pool',
  'Port for rented hash rate': 'Port für gemietete Rechenleistung',
  'Public ones, of number 0, the makers of Iroh':
    'Öffentliche, von number 0, den Machern von Iroh',
  'Publish relays': 'Relais bekanntmachen',
  'Punchbowl could not check this: ${error}':
    'Punchbowl konnte das nicht prüfen: ${error}',
  'Punchbowl takes block templates from Bitcoin over IPC, which is off by default. Whoever reaches that socket decides what your node mines; Punchbowl reaches nothing else of Bitcoin.':
    'Punchbowl holt Blockvorlagen von Bitcoin über IPC, das von sich aus ausgeschaltet ist. Wer diesen Socket erreicht, bestimmt, was dein Knoten mint; an anderes von Bitcoin kommt Punchbowl nicht heran.',
  'Punchbowl was restored': 'Punchbowl wurde wiederhergestellt',
  'Ready for members with an invite':
    'Bereit für Mitglieder mit einer Einladung',
  'Regenerate Node ID': 'Neue Knoten-ID',
  Relays: 'Relais',
  'Rented hash rate (${where})': 'Gemietete Rechenleistung (${where})',
  'Reset Statistics': 'Statistik zurücksetzen',
  'Rotate Authority Key': 'Pool-Schlüssel wechseln',
  'Rotate Payout': 'Auszahlungsadresse wechseln',
  'Say whom the blocks that are found pay':
    'Sage, an wen gefundene Blöcke zahlen',
  'Say whom the blocks that you find shall pay.':
    'Sage, an wen die Blöcke zahlen sollen, die du findest.',
  'Says which machine this is. It holds no address.':
    'Sagt, welche Maschine das ist. Sie enthält keine Adresse.',
  'Says which pool this is.': 'Sagt, welcher Pool das ist.',
  'Set Dashboard Password': 'Passwort der Übersicht festlegen',
  'Set Payout': 'Auszahlung festlegen',
  'Shares a minute': 'Shares pro Minute',
  'Shares do not reach the disk. ${detail}':
    'Shares kommen nicht auf die Platte. ${detail}',
  'Sign in on the dashboard as the host of this pool':
    'Sich in der Übersicht als Gastgeber dieses Pools anmelden',
  'So many blocks’ worth of work': 'Die Arbeit von so vielen Blöcken',
  'So many days': 'So viele Tage',
  'Start (UTC)': 'Beginn (UTC)',
  'Start Punchbowl once: its keys are made on the first start.':
    'Starte Punchbowl einmal: Seine Schlüssel entstehen beim ersten Start.',
  'StartOS gives no address for the miners’ ports. Look at the interfaces of Punchbowl.':
    'StartOS nennt keine Adresse für die Ports der Miner. Sieh dir die Schnittstellen von Punchbowl an.',
  'Stratum V1 for rented hash rate': 'Stratum V1 für gemietete Rechenleistung',
  'Stratum V1': 'Stratum V1',
  'Stratum V2 (${where})': 'Stratum V2 (${where})',
  'Stratum V2': 'Stratum V2',
  'That is the address that is paid already.':
    'An diese Adresse wird schon gezahlt.',
  'The block that is mined right now, and whom it pays':
    'Der Block, der gerade gemint wird, und an wen er zahlt',
  'The dashboard does not answer; see the logs':
    'Die Übersicht antwortet nicht; siehe Protokoll',
  'The dashboard is ready': 'Die Übersicht ist bereit',
  'The newest': 'Die neueste',
  'The next start makes a new authority key.':
    'Der nächste Start macht einen neuen Pool-Schlüssel.',
  'The next start makes a new node ID.':
    'Der nächste Start macht eine neue Knoten-ID.',
  'The pool does not listen; see the logs':
    'Der Pool nimmt keine Verbindungen an; siehe Protokoll',
  'The pool has not said yet how it fares':
    'Der Pool hat noch nicht gesagt, wie es ihm geht',
  'The pool last said how it fares ${seconds} s ago':
    'Der Pool hat zuletzt vor ${seconds} s gesagt, wie es ihm geht',
  'The port for old miners does not listen; see the logs':
    'Der Port für alte Miner nimmt keine Verbindungen an; siehe Protokoll',
  'The relays (never addresses) stand in the public DHT under the node ID, so that old invites lead to new relays.':
    'Die Relais (nie Adressen) stehen in der öffentlichen DHT unter der Knoten-ID, damit alte Einladungen zu neuen Relais führen.',
  'There is no block template yet; see the health checks.':
    'Es gibt noch keine Blockvorlage; siehe Zustand.',
  'There was no authority key yet; the next start makes one.':
    'Es gab noch keinen Pool-Schlüssel; der nächste Start macht einen.',
  'There was no node ID yet; the next start makes one.':
    'Es gab noch keine Knoten-ID; der nächste Start macht eine.',
  'This Bitcoin cannot give templates over IPC. Punchbowl needs Bitcoin Core ${range}; other versions, and Knots, have no IPC.':
    'Dieses Bitcoin kann keine Vorlagen über IPC geben. Punchbowl braucht Bitcoin Core ${range}; andere Versionen und Knots haben kein IPC.',
  'This pool was restored with its keys. If the server that it came from still runs, give this one a node ID of its own; if not, you need do nothing.':
    'Dieser Pool wurde mit seinen Schlüsseln wiederhergestellt. Läuft der Server noch, von dem er stammt, dann gib diesem eine eigene Knoten-ID; wenn nicht, brauchst du nichts zu tun.',
  'Times the work that a block takes on average. Give this, the days, or both.':
    'Mal die Arbeit, die ein Block im Mittel braucht. Gib dies, die Tage oder beides an.',
  Transactions: 'Transaktionen',
  'User name: a name and a device, such as alice.garage (paid each alone: an address and a device). Password: anything.':
    'Benutzername: ein Name und ein Gerät, etwa alice.garage (wird jeder einzeln bezahlt: eine Adresse und ein Gerät). Passwort: beliebig.',
  'V1 is not sealed: anybody on the way can change it.':
    'V1 ist nicht verschlüsselt: Jeder auf dem Weg kann es ändern.',
  'View Template': 'Vorlage ansehen',
  'Waiting for the first block template': 'Warten auf die erste Blockvorlage',
  'What happens': 'Was geschieht',
  'What the finder is paid of the rest, ahead of everybody.':
    'Was der Finder vom Rest vor allen anderen bekommt.',
  'What you take of each block. Every member sees it. Zero unless you say otherwise.':
    'Was du von jedem Block nimmst. Jedes Mitglied sieht es. Null, wenn du nichts anderes sagst.',
  'Where a member and the pool meet when neither router lets them through. Packets stay sealed.':
    'Wo ein Mitglied und der Pool sich treffen, wenn kein Router sie durchlässt. Pakete bleiben verschlüsselt.',
  'Where members with an invite connect, through most routers. Make it public to let them connect directly.':
    'Wo sich Mitglieder mit Einladung verbinden, durch die meisten Router. Mache sie öffentlich, damit sie direkt verbunden werden.',
  'Where the fee goes': 'Wohin die Gebühr geht',
  'Which `punchbowl id` prints on their machines.':
    '`punchbowl id` zeigt sie auf ihren Maschinen.',
  'Which work counts': 'Welche Arbeit zählt',
  'Whoever runs a relay learns this server’s address, node IDs and addresses of the members who come that way, and when and how much is sent; not what is sent.':
    'Wer ein Relais betreibt, erfährt die Adresse dieses Servers, Knoten-IDs und Adressen der Mitglieder, die darüber kommen, und wann und wie viel geschickt wird; nicht, was.',
  'Whoever was signed in is signed out.': 'Wer angemeldet war, ist abgemeldet.',
  'With addresses of your own network.': 'Mit Adressen deines eigenen Netzes.',
  'Written into every block found, for all to see; at most 40 bytes.':
    'Steht in jedem gefundenen Block, für alle sichtbar; höchstens 40 Bytes.',
  'Your fee': 'Deine Gebühr',
  'no payment': 'keine Zahlung',
  seconds: 'Sekunden',
}
