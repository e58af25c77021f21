import type { Text } from './default'

export const fr_FR: Record<Text, string> = {
  '${count} miners are connected': '${count} mineurs sont connectés',
  '${count} more: see the dashboard':
    '${count} de plus : voir le tableau de bord',
  '${direct} members connect directly, ${relayed} through a relay':
    '${direct} membres connectés directement, ${relayed} par un relais',
  '${fees} of it are fees': 'dont ${fees} de frais',
  '${host}, at home': '${host}, à la maison',
  '${host}, from the internet': '${host}, depuis internet',
  'A descriptor': 'Un descripteur',
  'A port of its own for NiceHash, Braiins and the like, which ask for a high difficulty.':
    'Un port à part pour NiceHash, Braiins et autres, qui demandent une difficulté élevée.',
  'A public one of your own wallet; with a * each block pays another of its addresses.':
    'Un descripteur public de votre portefeuille ; avec un * chaque bloc paie une autre de ses adresses.',
  'Address and key of this pool, for other services':
    'Adresse et clé de ce pool, pour d’autres services',
  Address: 'Adresse',
  'Age of the template': 'Âge du modèle',
  'All of an event': 'Tout celui d’un événement',
  'All that no block has paid yet': 'Tout celui qu’aucun bloc n’a encore payé',
  'All who worked': 'Tous ceux qui ont travaillé',
  Amount: 'Montant',
  'An address of your own wallet. Check it twice: what is paid to a wrong one is gone.':
    'Une adresse de votre portefeuille. Vérifiez-la deux fois : ce qui est payé à une mauvaise est perdu.',
  'An address of your own wallet; only if there is a fee.':
    'Une adresse de votre portefeuille ; seulement s’il y a des frais.',
  'At least eight characters. Only a hash of it is kept.':
    'Au moins huit caractères. Seule une empreinte en est gardée.',
  'Authority key': 'Clé du pool',
  'Bitcoin is not installed. Install it first.':
    'Bitcoin n’est pas installé. Installez-le d’abord.',
  'Bitcoin is not reached. Is it running, and is IPC enabled in it? ${detail}':
    'Bitcoin est injoignable. Tourne-t-il, et l’IPC y est-il activé ? ${detail}',
  'Bitcoin is still downloading the chain; mining begins after that':
    'Bitcoin télécharge encore la chaîne ; le minage commencera ensuite',
  'Block ${height}': 'Bloc ${height}',
  'Block ${height}: no news from Bitcoin for ${minutes} min. Is it in sync?':
    'Bloc ${height} : aucune nouvelle de Bitcoin depuis ${minutes} min. Est-il synchronisé ?',
  'Block templates': 'Modèles de bloc',
  'Blocks pay ${after} instead of ${before} from now on.':
    'Les blocs paient désormais ${after} au lieu de ${before}.',
  'Blocks pay from now on: ${pays}': 'Les blocs paient désormais : ${pays}',
  'Blocks pay': 'Les blocs paient',
  'Bonus of the finder': 'Prime de celui qui trouve',
  'Builds on': 'S’appuie sur',
  'By how much fees must have risen.':
    'De combien les frais doivent avoir monté.',
  'Charts of the past are gone. Shares, blocks found and payouts stay: they are in the ledger.':
    'Les courbes passées disparaissent. Parts, blocs trouvés et paiements restent : ils sont dans le registre.',
  'Coinbase tag': 'Étiquette coinbase',
  Configuration: 'Configuration',
  Configure: 'Configurer',
  'Connection Info': 'Infos de connexion',
  Connections: 'Connexions',
  'Counters and charts begin anew at the next start.':
    'Compteurs et courbes repartiront de zéro au prochain démarrage.',
  Dashboard: 'Tableau de bord',
  Descriptor: 'Descripteur',
  'Each miner is paid at its own address.':
    'Chaque mineur est payé à sa propre adresse.',
  'Each miner that finds one': 'Le mineur qui le trouve',
  'End (UTC)': 'Fin (UTC)',
  'Every accepted share is on disk': 'Chaque part acceptée est sur le disque',
  'Every invite that you have handed out stops working: members need the new one from Connection Info. The old key is put aside, in old-keys.':
    'Toutes les invitations distribuées cessent de valoir : les membres ont besoin de la nouvelle, dans Infos de connexion. L’ancienne clé est mise de côté dans old-keys.',
  Everything: 'Tout',
  'Fees worth a new template': 'Frais qui valent un nouveau modèle',
  'For friends elsewhere. It holds no secret, but says where the pool is: public addresses and relays.':
    'Pour des amis ailleurs. Elle ne contient aucun secret, mais dit où est le pool : adresses publiques et relais.',
  'For miners and proxies that speak Stratum V2. Sealed: may be opened to the internet. Connection Info shows the whole address with the key.':
    'Pour les mineurs et proxys qui parlent Stratum V2. Chiffré : peut être ouvert à internet. Infos de connexion montre l’adresse entière avec la clé.',
  'For old miners (Bitaxe, Antminer, Whatsminer, Avalon, NerdMiner). Not sealed: keep it on your own network.':
    'Pour les anciens mineurs (Bitaxe, Antminer, Whatsminer, Avalon, NerdMiner). Non chiffré : gardez-le sur votre réseau.',
  'Give this pool a new authority key': 'Donner à ce pool une nouvelle clé',
  'Give this server a new node ID':
    'Donner à ce serveur un nouvel identifiant de nœud',
  'How members with an invite reach the pool':
    'Comment les membres invités atteignent le pool',
  'How much is written into the logs.': 'Ce qui est écrit dans les journaux.',
  'How often each miner sends a share. More makes hashrates steadier and costs bandwidth.':
    'À quelle fréquence chaque mineur envoie une part. Plus donne des débits plus réguliers et coûte de la bande passante.',
  'How the pool mines': 'Comment le pool mine',
  'IPC is off in Bitcoin. Do the task that Punchbowl shows first.':
    'L’IPC est désactivé dans Bitcoin. Faites d’abord la tâche que Punchbowl affiche.',
  'Invite for the same house': 'Invitation pour la même maison',
  Invite: 'Invitation',
  'Invite, addresses and QR codes for miners and friends':
    'Invitation, adresses et codes QR pour mineurs et amis',
  'Invites and Relays': 'Invitations et relais',
  'It names no way in yet: make the interface Node ID public, or choose a relay in Invites and Relays.':
    'Elle n’indique encore aucun chemin : rendez publique l’interface Identifiant de nœud, ou choisissez un relais dans Invitations et relais.',
  Keys: 'Clés',
  'Least difficulty of rented hash rate':
    'Difficulté minimale de la puissance louée',
  'Least difficulty': 'Difficulté minimale',
  'Least time between templates': 'Temps minimal entre modèles',
  Ledger: 'Registre',
  'Let counters and charts begin anew': 'Remettre compteurs et courbes à zéro',
  'List at least one relay of your own, or choose another kind.':
    'Indiquez au moins un relais à vous, ou choisissez un autre type.',
  'Listed members only': 'Membres de la liste seulement',
  Log: 'Journal',
  Maintenance: 'Entretien',
  'Marketplaces ask for 524288 or more.':
    'Les places de marché demandent 524288 ou plus.',
  'Members by invite': 'Membres par invitation',
  'Members connect by the node ID in their invite: over UDP, sealed, through most routers.':
    'Les membres se connectent par l’identifiant de nœud de leur invitation : en UDP, chiffré, à travers la plupart des routeurs.',
  'Members’ node IDs': 'Identifiants de nœud des membres',
  'Miners can connect': 'Les mineurs peuvent se connecter',
  'Miners that speak Stratum V2, and members with an invite, refuse the pool until they get the new address or invite. The ledger goes on, signed by the new key: members who check it are told of the change, so tell them first. Do this only if the key was exposed. The old key is put aside, in old-keys.':
    'Les mineurs Stratum V2 et les membres invités refusent le pool jusqu’à recevoir la nouvelle adresse ou invitation. Le registre continue, signé par la nouvelle clé : les membres qui le vérifient sont avertis du changement, prévenez-les donc avant. Ne le faites que si la clé a été exposée. L’ancienne est mise de côté dans old-keys.',
  Miners: 'Mineurs',
  'Miners, shares, blocks and payouts': 'Mineurs, parts, blocs et paiements',
  'Mining block ${height}; template of ${seconds} s ago':
    'Minage du bloc ${height} ; modèle d’il y a ${seconds} s',
  'My own relays': 'Mes relais',
  'My own, listed below': 'Les miens, listés ci-dessous',
  'Name the address that the fee goes to.':
    'Indiquez l’adresse où vont les frais.',
  'Name the new address.': 'Indiquez la nouvelle adresse.',
  'Never below the difficulty that marketplaces ask for.':
    'Jamais sous la difficulté que demandent les places de marché.',
  'New address': 'Nouvelle adresse',
  'No miner is connected; see Connection Info':
    'Aucun mineur n’est connecté ; voir Infos de connexion',
  'No share is easier. 0.00001 suits the smallest hobby miners.':
    'Aucune part n’est plus facile. 0.00001 convient aux plus petits mineurs.',
  'No space at either end.': 'Pas d’espace aux extrémités.',
  'Nobody is named to be paid. Do the task Set Payout first.':
    'Personne n’est désigné pour être payé. Faites d’abord la tâche Définir le paiement.',
  'Node ID (UDP)': 'Identifiant de nœud (UDP)',
  'Node ID': 'Identifiant de nœud',
  'Node Info': 'Infos du nœud',
  'None: direct connections only': 'Aucun : connexions directes seulement',
  'Not needed: the next address of your descriptor is taken.':
    'Inutile : l’adresse suivante de votre descripteur est prise.',
  'Of your own wallet; every block pays it from now on.':
    'De votre portefeuille ; chaque bloc la paie désormais.',
  'Off in Invites and Relays': 'Désactivé dans Invitations et relais',
  'Old miners (Stratum V1)': 'Anciens mineurs (Stratum V1)',
  'Old miners can connect': 'Les anciens mineurs peuvent se connecter',
  'Old miners, Stratum V1 (${where})': 'Anciens mineurs, Stratum V1 (${where})',
  'On the same block, miners get a new template no sooner. A new block never waits.':
    'Sur le même bloc, les mineurs ne reçoivent pas plus tôt un nouveau modèle. Un nouveau bloc n’attend jamais.',
  'One address takes every block; or a descriptor gives a fresh address for each block; or each miner that finds a block is paid at the address in its user name; or all who worked are paid, in proportion, by the block itself.':
    'Une adresse reçoit chaque bloc ; ou un descripteur donne une adresse neuve à chaque bloc ; ou le mineur qui trouve un bloc est payé à l’adresse de son nom d’utilisateur ; ou tous ceux qui ont travaillé sont payés, en proportion, par le bloc lui-même.',
  'One address': 'Une adresse',
  'One line each, as `punchbowl relay` prints it on any machine with a public address. Name two: then one may die.':
    'Une ligne par relais, telle que `punchbowl relay` l’affiche sur toute machine à adresse publique. Donnez-en deux : l’un peut alors tomber.',
  'Only trouble': 'Les problèmes seulement',
  'Opening the ledger': 'Ouverture du registre',
  'Otherwise whoever has the invite may connect.':
    'Sinon, quiconque a l’invitation peut se connecter.',
  Password: 'Mot de passe',
  'Pay a fresh address from now on: a new one, or the next of your descriptor':
    'Payer désormais une adresse neuve : une nouvelle, ou la suivante de votre descripteur',
  Pays: 'Paie',
  Pool: 'Pool',
  'Port for rented hash rate': 'Port pour la puissance louée',
  'Public ones, of number 0, the makers of Iroh':
    'Publics, de number 0, les auteurs d’Iroh',
  'Publish relays': 'Publier les relais',
  'Punchbowl could not check this: ${error}':
    'Punchbowl n’a pas pu le vérifier : ${error}',
  'Punchbowl takes block templates from Bitcoin over IPC, which is off by default. Whoever reaches that socket decides what your node mines; Punchbowl reaches nothing else of Bitcoin.':
    'Punchbowl prend les modèles de bloc chez Bitcoin par IPC, désactivé par défaut. Qui atteint cette prise décide de ce que votre nœud mine ; Punchbowl n’atteint rien d’autre de Bitcoin.',
  'Punchbowl was restored': 'Punchbowl a été restauré',
  'Ready for members with an invite': 'Prêt pour les membres invités',
  'Regenerate Node ID': 'Nouvel identifiant de nœud',
  Relays: 'Relais',
  'Rented hash rate (${where})': 'Puissance louée (${where})',
  'Reset Statistics': 'Remettre les statistiques à zéro',
  'Rotate Authority Key': 'Changer la clé du pool',
  'Rotate Payout': 'Changer l’adresse de paiement',
  'Say whom the blocks that are found pay':
    'Dire qui est payé par les blocs trouvés',
  'Say whom the blocks that you find shall pay.':
    'Dites qui les blocs que vous trouvez doivent payer.',
  'Says which machine this is. It holds no address.':
    'Dit de quelle machine il s’agit. Il ne contient aucune adresse.',
  'Says which pool this is.': 'Dit de quel pool il s’agit.',
  'Set Dashboard Password': 'Définir le mot de passe du tableau de bord',
  'Set Payout': 'Définir le paiement',
  'Shares a minute': 'Parts par minute',
  'Shares do not reach the disk. ${detail}':
    'Les parts n’arrivent pas sur le disque. ${detail}',
  'Sign in on the dashboard as the host of this pool':
    'Se connecter au tableau de bord comme hôte de ce pool',
  'So many blocks’ worth of work': 'Le travail de tant de blocs',
  'So many days': 'Tant de jours',
  'Start (UTC)': 'Début (UTC)',
  'Start Punchbowl once: its keys are made on the first start.':
    'Démarrez Punchbowl une fois : ses clés naissent au premier démarrage.',
  'StartOS gives no address for the miners’ ports. Look at the interfaces of Punchbowl.':
    'StartOS ne donne aucune adresse pour les ports des mineurs. Voyez les interfaces de Punchbowl.',
  'Stratum V1 for rented hash rate': 'Stratum V1 pour la puissance louée',
  'Stratum V1': 'Stratum V1',
  'Stratum V2 (${where})': 'Stratum V2 (${where})',
  'Stratum V2': 'Stratum V2',
  'That is the address that is paid already.': 'C’est l’adresse déjà payée.',
  'The block that is mined right now, and whom it pays':
    'Le bloc miné en ce moment, et qui il paie',
  'The dashboard does not answer; see the logs':
    'Le tableau de bord ne répond pas ; voir les journaux',
  'The dashboard is ready': 'Le tableau de bord est prêt',
  'The newest': 'Le plus récent',
  'The next start makes a new authority key.':
    'Le prochain démarrage crée une nouvelle clé du pool.',
  'The next start makes a new node ID.':
    'Le prochain démarrage crée un nouvel identifiant de nœud.',
  'The pool does not listen; see the logs':
    'Le pool n’écoute pas ; voir les journaux',
  'The pool has not said yet how it fares':
    'Le pool n’a pas encore dit comment il va',
  'The pool last said how it fares ${seconds} s ago':
    'Le pool a dit comment il va pour la dernière fois il y a ${seconds} s',
  'The port for old miners does not listen; see the logs':
    'Le port des anciens mineurs n’écoute pas ; voir les journaux',
  'The relays (never addresses) stand in the public DHT under the node ID, so that old invites lead to new relays.':
    'Les relais (jamais les adresses) figurent dans la DHT publique sous l’identifiant de nœud, pour que d’anciennes invitations mènent aux nouveaux relais.',
  'There is no block template yet; see the health checks.':
    'Il n’y a pas encore de modèle de bloc ; voir les contrôles de santé.',
  'There was no authority key yet; the next start makes one.':
    'Il n’y avait pas encore de clé du pool ; le prochain démarrage en crée une.',
  'There was no node ID yet; the next start makes one.':
    'Il n’y avait pas encore d’identifiant de nœud ; le prochain démarrage en crée un.',
  'This Bitcoin cannot give templates over IPC. Punchbowl needs Bitcoin Core ${range}; other versions, and Knots, have no IPC.':
    'Ce Bitcoin ne peut pas donner de modèles par IPC. Punchbowl a besoin de Bitcoin Core ${range} ; les autres versions, et Knots, n’ont pas d’IPC.',
  'This pool was restored with its keys. If the server that it came from still runs, give this one a node ID of its own; if not, you need do nothing.':
    'Ce pool a été restauré avec ses clés. Si le serveur d’où il vient tourne encore, donnez à celui-ci son propre identifiant de nœud ; sinon, rien à faire.',
  'Times the work that a block takes on average. Give this, the days, or both.':
    'Fois le travail qu’un bloc demande en moyenne. Donnez ceci, les jours, ou les deux.',
  Transactions: 'Transactions',
  'User name: a name and a device, such as alice.garage (paid each alone: an address and a device). Password: anything.':
    'Nom d’utilisateur : un nom et un appareil, comme alice.garage (si chacun est payé à part : une adresse et un appareil). Mot de passe : au choix.',
  'V1 is not sealed: anybody on the way can change it.':
    'V1 n’est pas chiffré : quiconque sur le chemin peut le modifier.',
  'View Template': 'Voir le modèle',
  'Waiting for the first block template':
    'En attente du premier modèle de bloc',
  'What happens': 'Ce qui se passe',
  'What the finder is paid of the rest, ahead of everybody.':
    'Ce que celui qui trouve reçoit du reste, avant tous.',
  'What you take of each block. Every member sees it. Zero unless you say otherwise.':
    'Ce que vous prenez sur chaque bloc. Chaque membre le voit. Zéro sauf indication contraire.',
  'Where a member and the pool meet when neither router lets them through. Packets stay sealed.':
    'Où un membre et le pool se rencontrent quand aucun routeur ne les laisse passer. Les paquets restent chiffrés.',
  'Where members with an invite connect, through most routers. Make it public to let them connect directly.':
    'Où se connectent les membres invités, à travers la plupart des routeurs. Rendez-la publique pour qu’ils se connectent directement.',
  'Where the fee goes': 'Où vont les frais',
  'Which `punchbowl id` prints on their machines.':
    'Ceux que `punchbowl id` affiche sur leurs machines.',
  'Which work counts': 'Quel travail compte',
  'Whoever runs a relay learns this server’s address, node IDs and addresses of the members who come that way, and when and how much is sent; not what is sent.':
    'Qui tient un relais apprend l’adresse de ce serveur, les identifiants et adresses des membres qui passent par là, et quand et combien est envoyé ; pas ce qui est envoyé.',
  'Whoever was signed in is signed out.': 'Les sessions ouvertes sont fermées.',
  'With addresses of your own network.': 'Avec des adresses de votre réseau.',
  'Written into every block found, for all to see; at most 40 bytes.':
    'Écrit dans chaque bloc trouvé, à la vue de tous ; 40 octets au plus.',
  'Your fee': 'Vos frais',
  'no payment': 'aucun paiement',
  seconds: 'secondes',
}
