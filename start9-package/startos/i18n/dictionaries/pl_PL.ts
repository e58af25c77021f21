import type { Text } from './default'

export const pl_PL: Record<Text, string> = {
  '${count} miners are connected': 'Połączone koparki: ${count}',
  '${count} more: see the dashboard': 'jeszcze ${count}: zobacz panel',
  '${direct} members connect directly, ${relayed} through a relay':
    'Członkowie połączeni bezpośrednio: ${direct}, przez przekaźnik: ${relayed}',
  '${fees} of it are fees': '${fees} z tego to opłaty',
  '${host}, at home': '${host}, w domu',
  '${host}, from the internet': '${host}, z internetu',
  'A descriptor': 'Deskryptor',
  'A port of its own for NiceHash, Braiins and the like, which ask for a high difficulty.':
    'Osobny port dla NiceHash, Braiins i podobnych, które wymagają wysokiej trudności.',
  'A public one of your own wallet; with a * each block pays another of its addresses.':
    'Publiczny, z Twojego portfela; z * każdy blok płaci na inny z jego adresów.',
  'Address and key of this pool, for other services':
    'Adres i klucz tego poola, dla innych usług',
  Address: 'Adres',
  'Age of the template': 'Wiek szablonu',
  'All of an event': 'Wszystka z wydarzenia',
  'All that no block has paid yet':
    'Wszystka, za którą żaden blok jeszcze nie zapłacił',
  'All who worked': 'Wszystkim, którzy pracowali',
  Amount: 'Kwota',
  'An address of your own wallet. Check it twice: what is paid to a wrong one is gone.':
    'Adres z Twojego portfela. Sprawdź go dwa razy: co pójdzie na zły, przepadło.',
  'An address of your own wallet; only if there is a fee.':
    'Adres z Twojego portfela; tylko gdy jest opłata.',
  'At least eight characters. Only a hash of it is kept.':
    'Co najmniej osiem znaków. Przechowywany jest tylko skrót.',
  'Authority key': 'Klucz poola',
  'Bitcoin is not installed. Install it first.':
    'Bitcoin nie jest zainstalowany. Najpierw go zainstaluj.',
  'Bitcoin is not reached. Is it running, and is IPC enabled in it? ${detail}':
    'Brak połączenia z Bitcoinem. Czy działa i czy ma włączone IPC? ${detail}',
  'Bitcoin is still downloading the chain; mining begins after that':
    'Bitcoin wciąż pobiera łańcuch; potem zacznie się kopanie',
  'Block ${height}': 'Blok ${height}',
  'Block ${height}: no news from Bitcoin for ${minutes} min. Is it in sync?':
    'Blok ${height}: brak wieści od Bitcoina od ${minutes} min. Czy jest zsynchronizowany?',
  'Block templates': 'Szablony bloków',
  'Blocks pay ${after} instead of ${before} from now on.':
    'Bloki płacą od teraz na ${after} zamiast na ${before}.',
  'Blocks pay from now on: ${pays}': 'Bloki płacą od teraz: ${pays}',
  'Blocks pay': 'Bloki płacą',
  'Bonus of the finder': 'Premia znalazcy',
  'Builds on': 'Buduje na',
  'By how much fees must have risen.': 'O ile muszą wzrosnąć opłaty.',
  'Charts of the past are gone. Shares, blocks found and payouts stay: they are in the ledger.':
    'Dawne wykresy znikną. Udziały, znalezione bloki i wypłaty zostają: są w księdze.',
  'Coinbase tag': 'Napis w coinbase',
  Configuration: 'Ustawienia',
  Configure: 'Ustaw',
  'Connection Info': 'Dane połączenia',
  Connections: 'Połączenia',
  'Counters and charts begin anew at the next start.':
    'Liczniki i wykresy zaczną się od nowa przy następnym starcie.',
  Dashboard: 'Panel',
  Descriptor: 'Deskryptor',
  'Each miner is paid at its own address.':
    'Każda koparka dostaje zapłatę na własny adres.',
  'Each miner that finds one': 'Koparce, która go znajdzie',
  'End (UTC)': 'Koniec (UTC)',
  'Every accepted share is on disk': 'Każdy przyjęty udział jest na dysku',
  'Every invite that you have handed out stops working: members need the new one from Connection Info. The old key is put aside, in old-keys.':
    'Wszystkie rozdane zaproszenia przestaną działać: członkowie potrzebują nowego z Danych połączenia. Stary klucz zostaje odłożony w old-keys.',
  Everything: 'Wszystko',
  'Fees worth a new template': 'Opłaty warte nowego szablonu',
  'For friends elsewhere. It holds no secret, but says where the pool is: public addresses and relays.':
    'Dla znajomych gdzie indziej. Nie ma w nim tajemnicy, ale mówi, gdzie jest pool: adresy publiczne i przekaźniki.',
  'For miners and proxies that speak Stratum V2. Sealed: may be opened to the internet. Connection Info shows the whole address with the key.':
    'Dla koparek i proxy mówiących Stratum V2. Szyfrowane: można otworzyć na internet. Dane połączenia pokazują cały adres z kluczem.',
  'For old miners (Bitaxe, Antminer, Whatsminer, Avalon, NerdMiner). Not sealed: keep it on your own network.':
    'Dla starych koparek (Bitaxe, Antminer, Whatsminer, Avalon, NerdMiner). Nieszyfrowane: zostaw we własnej sieci.',
  'Give this pool a new authority key': 'Nadaj temu poolowi nowy klucz',
  'Give this server a new node ID': 'Nadaj temu serwerowi nowe ID węzła',
  'How members with an invite reach the pool':
    'Jak członkowie z zaproszeniem docierają do poola',
  'How much is written into the logs.': 'Ile zapisuje się w dzienniku.',
  'How often each miner sends a share. More makes hashrates steadier and costs bandwidth.':
    'Jak często każda koparka przysyła udział. Więcej daje równiejszą moc i kosztuje łącze.',
  'How the pool mines': 'Jak pool kopie',
  'IPC is off in Bitcoin. Do the task that Punchbowl shows first.':
    'IPC jest w Bitcoinie wyłączone. Najpierw wykonaj zadanie, które pokazuje Punchbowl.',
  'Invite for the same house': 'Zaproszenie dla tego samego domu',
  Invite: 'Zaproszenie',
  'Invite, addresses and QR codes for miners and friends':
    'Zaproszenie, adresy i kody QR dla koparek i znajomych',
  'Invites and Relays': 'Zaproszenia i przekaźniki',
  'It names no way in yet: make the interface Node ID public, or choose a relay in Invites and Relays.':
    'Nie wskazuje jeszcze żadnej drogi: upublicznij interfejs ID węzła albo wybierz przekaźnik w Zaproszeniach i przekaźnikach.',
  Keys: 'Klucze',
  'Least difficulty of rented hash rate': 'Najmniejsza trudność wynajętej mocy',
  'Least difficulty': 'Najmniejsza trudność',
  'Least time between templates': 'Najkrótszy czas między szablonami',
  Ledger: 'Księga',
  'Let counters and charts begin anew':
    'Niech liczniki i wykresy zaczną się od nowa',
  'List at least one relay of your own, or choose another kind.':
    'Podaj co najmniej jeden własny przekaźnik albo wybierz inny rodzaj.',
  'Listed members only': 'Tylko członkowie z listy',
  Log: 'Dziennik',
  Maintenance: 'Konserwacja',
  'Marketplaces ask for 524288 or more.':
    'Giełdy mocy wymagają 524288 lub więcej.',
  'Members by invite': 'Członkowie z zaproszeniem',
  'Members connect by the node ID in their invite: over UDP, sealed, through most routers.':
    'Członkowie łączą się przez ID węzła ze swojego zaproszenia: po UDP, szyfrowane, przez większość routerów.',
  'Members’ node IDs': 'ID węzłów członków',
  'Miners can connect': 'Koparki mogą się łączyć',
  'Miners that speak Stratum V2, and members with an invite, refuse the pool until they get the new address or invite. The ledger goes on, signed by the new key: members who check it are told of the change, so tell them first. Do this only if the key was exposed. The old key is put aside, in old-keys.':
    'Koparki ze Stratum V2 i członkowie z zaproszeniem odrzucą pool, dopóki nie dostaną nowego adresu lub zaproszenia. Księga trwa dalej, podpisana nowym kluczem: członkowie, którzy ją sprawdzają, zobaczą zmianę, więc powiedz im wcześniej. Zrób to tylko, jeśli klucz wyciekł. Stary zostaje odłożony w old-keys.',
  Miners: 'Koparki',
  'Miners, shares, blocks and payouts': 'Koparki, udziały, bloki i wypłaty',
  'Mining block ${height}; template of ${seconds} s ago':
    'Kopanie bloku ${height}; szablon sprzed ${seconds} s',
  'My own relays': 'Moje przekaźniki',
  'My own, listed below': 'Własne, wymienione niżej',
  'Name the address that the fee goes to.':
    'Podaj adres, na który idzie opłata.',
  'Name the new address.': 'Podaj nowy adres.',
  'Never below the difficulty that marketplaces ask for.':
    'Nigdy poniżej trudności, której wymagają giełdy mocy.',
  'New address': 'Nowy adres',
  'No miner is connected; see Connection Info':
    'Żadna koparka nie jest połączona; zobacz Dane połączenia',
  'No share is easier. 0.00001 suits the smallest hobby miners.':
    'Żaden udział nie jest łatwiejszy. 0.00001 pasuje najmniejszym koparkom.',
  'No space at either end.': 'Bez spacji na początku i na końcu.',
  'Nobody is named to be paid. Do the task Set Payout first.':
    'Nie podano, komu płacić. Najpierw wykonaj zadanie Ustaw wypłatę.',
  'Node ID (UDP)': 'ID węzła (UDP)',
  'Node ID': 'ID węzła',
  'Node Info': 'Dane węzła',
  'None: direct connections only': 'Brak: tylko połączenia bezpośrednie',
  'Not needed: the next address of your descriptor is taken.':
    'Niepotrzebne: brany jest następny adres deskryptora.',
  'Of your own wallet; every block pays it from now on.':
    'Z Twojego portfela; od teraz płaci nań każdy blok.',
  'Off in Invites and Relays': 'Wyłączone w Zaproszeniach i przekaźnikach',
  'Old miners (Stratum V1)': 'Stare koparki (Stratum V1)',
  'Old miners can connect': 'Stare koparki mogą się łączyć',
  'Old miners, Stratum V1 (${where})': 'Stare koparki, Stratum V1 (${where})',
  'On the same block, miners get a new template no sooner. A new block never waits.':
    'Na tym samym bloku koparki nie dostaną wcześniej nowego szablonu. Nowy blok nigdy nie czeka.',
  'One address takes every block; or a descriptor gives a fresh address for each block; or each miner that finds a block is paid at the address in its user name; or all who worked are paid, in proportion, by the block itself.':
    'Jeden adres bierze każdy blok; albo deskryptor daje świeży adres dla każdego bloku; albo koparka, która znajdzie blok, dostaje zapłatę na adres ze swojej nazwy użytkownika; albo sam blok płaci wszystkim, którzy pracowali, proporcjonalnie.',
  'One address': 'Jeden adres',
  'One line each, as `punchbowl relay` prints it on any machine with a public address. Name two: then one may die.':
    'Po jednym wierszu, tak jak wypisuje go `punchbowl relay` na maszynie z publicznym adresem. Podaj dwa: wtedy jeden może paść.',
  'Only trouble': 'Tylko kłopoty',
  'Opening the ledger': 'Otwieranie księgi',
  'Otherwise whoever has the invite may connect.':
    'Inaczej może się łączyć każdy, kto ma zaproszenie.',
  Password: 'Hasło',
  'Pay a fresh address from now on: a new one, or the next of your descriptor':
    'Płać od teraz na świeży adres: nowy albo następny z deskryptora',
  Pays: 'Płaci',
  Pool: 'Pool',
  'Port for rented hash rate': 'Port dla wynajętej mocy',
  'Public ones, of number 0, the makers of Iroh':
    'Publiczne, od number 0, twórców Iroh',
  'Publish relays': 'Ogłaszaj przekaźniki',
  'Punchbowl could not check this: ${error}':
    'Punchbowl nie mógł tego sprawdzić: ${error}',
  'Punchbowl takes block templates from Bitcoin over IPC, which is off by default. Whoever reaches that socket decides what your node mines; Punchbowl reaches nothing else of Bitcoin.':
    'Punchbowl bierze szablony bloków od Bitcoina przez IPC, które domyślnie jest wyłączone. Kto dotrze do tego gniazda, decyduje, co kopie Twój węzeł; do niczego innego w Bitcoinie Punchbowl nie sięga.',
  'Punchbowl was restored': 'Punchbowl został przywrócony',
  'Ready for members with an invite': 'Gotowe na członków z zaproszeniem',
  'Regenerate Node ID': 'Nowe ID węzła',
  Relays: 'Przekaźniki',
  'Rented hash rate (${where})': 'Wynajęta moc (${where})',
  'Reset Statistics': 'Wyzeruj statystyki',
  'Rotate Authority Key': 'Zmień klucz poola',
  'Rotate Payout': 'Zmień adres wypłaty',
  'Say whom the blocks that are found pay':
    'Powiedz, komu płacą znalezione bloki',
  'Say whom the blocks that you find shall pay.':
    'Powiedz, komu mają płacić bloki, które znajdziesz.',
  'Says which machine this is. It holds no address.':
    'Mówi, która to maszyna. Nie zawiera adresu.',
  'Says which pool this is.': 'Mówi, który to pool.',
  'Set Dashboard Password': 'Ustaw hasło panelu',
  'Set Payout': 'Ustaw wypłatę',
  'Shares a minute': 'Udziały na minutę',
  'Shares do not reach the disk. ${detail}':
    'Udziały nie trafiają na dysk. ${detail}',
  'Sign in on the dashboard as the host of this pool':
    'Loguj się w panelu jako gospodarz tego poola',
  'So many blocks’ worth of work': 'Praca tylu bloków',
  'So many days': 'Tyle dni',
  'Start (UTC)': 'Początek (UTC)',
  'Start Punchbowl once: its keys are made on the first start.':
    'Uruchom Punchbowl raz: klucze powstają przy pierwszym starcie.',
  'StartOS gives no address for the miners’ ports. Look at the interfaces of Punchbowl.':
    'StartOS nie podaje adresu dla portów koparek. Zajrzyj do interfejsów Punchbowl.',
  'Stratum V1 for rented hash rate': 'Stratum V1 dla wynajętej mocy',
  'Stratum V1': 'Stratum V1',
  'Stratum V2 (${where})': 'Stratum V2 (${where})',
  'Stratum V2': 'Stratum V2',
  'That is the address that is paid already.': 'Na ten adres już się płaci.',
  'The block that is mined right now, and whom it pays':
    'Blok, który jest teraz kopany, i komu płaci',
  'The dashboard does not answer; see the logs':
    'Panel nie odpowiada; zobacz dziennik',
  'The dashboard is ready': 'Panel jest gotowy',
  'The newest': 'Najnowsza',
  'The next start makes a new authority key.':
    'Następny start utworzy nowy klucz poola.',
  'The next start makes a new node ID.':
    'Następny start utworzy nowe ID węzła.',
  'The pool does not listen; see the logs':
    'Pool nie przyjmuje połączeń; zobacz dziennik',
  'The pool has not said yet how it fares':
    'Pool jeszcze nie powiedział, jak mu idzie',
  'The pool last said how it fares ${seconds} s ago':
    'Pool ostatnio powiedział, jak mu idzie, ${seconds} s temu',
  'The port for old miners does not listen; see the logs':
    'Port dla starych koparek nie przyjmuje połączeń; zobacz dziennik',
  'The relays (never addresses) stand in the public DHT under the node ID, so that old invites lead to new relays.':
    'Przekaźniki (nigdy adresy) są w publicznym DHT pod ID węzła, aby stare zaproszenia prowadziły do nowych przekaźników.',
  'There is no block template yet; see the health checks.':
    'Nie ma jeszcze szablonu bloku; zobacz stan usługi.',
  'There was no authority key yet; the next start makes one.':
    'Nie było jeszcze klucza poola; następny start go utworzy.',
  'There was no node ID yet; the next start makes one.':
    'Nie było jeszcze ID węzła; następny start je utworzy.',
  'This Bitcoin cannot give templates over IPC. Punchbowl needs Bitcoin Core ${range}; other versions, and Knots, have no IPC.':
    'Ten Bitcoin nie może dawać szablonów przez IPC. Punchbowl potrzebuje Bitcoin Core ${range}; inne wersje oraz Knots nie mają IPC.',
  'This pool was restored with its keys. If the server that it came from still runs, give this one a node ID of its own; if not, you need do nothing.':
    'Ten pool przywrócono z jego kluczami. Jeśli serwer, z którego pochodzi, wciąż działa, nadaj temu własne ID węzła; jeśli nie, nie musisz nic robić.',
  'Times the work that a block takes on average. Give this, the days, or both.':
    'Razy praca, której średnio wymaga blok. Podaj to, dni albo jedno i drugie.',
  Transactions: 'Transakcje',
  'User name: a name and a device, such as alice.garage (paid each alone: an address and a device). Password: anything.':
    'Nazwa użytkownika: nazwa i urządzenie, np. alice.garage (gdy każdy dostaje zapłatę osobno: adres i urządzenie). Hasło: dowolne.',
  'V1 is not sealed: anybody on the way can change it.':
    'V1 nie jest szyfrowane: każdy po drodze może je zmienić.',
  'View Template': 'Zobacz szablon',
  'Waiting for the first block template': 'Czekanie na pierwszy szablon bloku',
  'What happens': 'Co się dzieje',
  'What the finder is paid of the rest, ahead of everybody.':
    'Ile z reszty znalazca dostaje przed wszystkimi.',
  'What you take of each block. Every member sees it. Zero unless you say otherwise.':
    'Ile bierzesz z każdego bloku. Widzi to każdy członek. Zero, jeśli nie ustawisz inaczej.',
  'Where a member and the pool meet when neither router lets them through. Packets stay sealed.':
    'Gdzie członek i pool się spotykają, gdy żaden router ich nie przepuszcza. Pakiety pozostają zaszyfrowane.',
  'Where members with an invite connect, through most routers. Make it public to let them connect directly.':
    'Gdzie łączą się członkowie z zaproszeniem, przez większość routerów. Upublicznij, aby łączyli się bezpośrednio.',
  'Where the fee goes': 'Dokąd idzie opłata',
  'Which `punchbowl id` prints on their machines.':
    'Wypisuje je `punchbowl id` na ich maszynach.',
  'Which work counts': 'Która praca się liczy',
  'Whoever runs a relay learns this server’s address, node IDs and addresses of the members who come that way, and when and how much is sent; not what is sent.':
    'Kto prowadzi przekaźnik, poznaje adres tego serwera, ID węzłów i adresy członków, którzy tamtędy przychodzą, oraz kiedy i ile się wysyła; nie co.',
  'Whoever was signed in is signed out.':
    'Kto był zalogowany, został wylogowany.',
  'With addresses of your own network.': 'Z adresami Twojej sieci.',
  'Written into every block found, for all to see; at most 40 bytes.':
    'Wpisywany do każdego znalezionego bloku, widoczny dla wszystkich; najwyżej 40 bajtów.',
  'Your fee': 'Twoja opłata',
  'no payment': 'bez wypłaty',
  seconds: 'sekundy',
}
