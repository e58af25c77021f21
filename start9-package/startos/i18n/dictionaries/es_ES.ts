import type { Text } from './default'

export const es_ES: Record<Text, string> = {
  '${count} miners are connected': '${count} mineros están conectados',
  '${count} more: see the dashboard': '${count} más: véase el panel',
  '${direct} members connect directly, ${relayed} through a relay':
    '${direct} miembros se conectan directamente, ${relayed} a través de un relé',
  '${fees} of it are fees': '${fees} de ello son comisiones',
  '${host}, at home': '${host}, en casa',
  '${host}, from the internet': '${host}, desde internet',
  'A descriptor': 'Un descriptor',
  'A port of its own for NiceHash, Braiins and the like, which ask for a high difficulty.':
    'Un puerto propio para NiceHash, Braiins y similares, que piden una dificultad alta.',
  'A public one of your own wallet; with a * each block pays another of its addresses.':
    'Uno público de tu propia cartera; con un * cada bloque paga otra de sus direcciones.',
  'Address and key of this pool, for other services':
    'Dirección y clave de este pool, para otros servicios',
  Address: 'Dirección',
  'Age of the template': 'Edad de la plantilla',
  'All of an event': 'Todo el de un evento',
  'All that no block has paid yet': 'Todo el que ningún bloque ha pagado aún',
  'All who worked': 'A todos los que trabajaron',
  Amount: 'Importe',
  'An address of your own wallet. Check it twice: what is paid to a wrong one is gone.':
    'Una dirección de tu propia cartera. Compruébala dos veces: lo que se paga a una equivocada se pierde.',
  'An address of your own wallet; only if there is a fee.':
    'Una dirección de tu propia cartera; solo si hay comisión.',
  'At least eight characters. Only a hash of it is kept.':
    'Al menos ocho caracteres. Solo se guarda un hash.',
  'Authority key': 'Clave de autoridad',
  'Bitcoin is not installed. Install it first.':
    'Bitcoin no está instalado. Instálalo primero.',
  'Bitcoin is not reached. Is it running, and is IPC enabled in it? ${detail}':
    'No se llega a Bitcoin. ¿Está en marcha, y está activado IPC en él? ${detail}',
  'Bitcoin is still downloading the chain; mining begins after that':
    'Bitcoin aún descarga la cadena; el minado empieza después',
  'Block ${height}': 'Bloque ${height}',
  'Block ${height}: no news from Bitcoin for ${minutes} min. Is it in sync?':
    'Bloque ${height}: sin noticias de Bitcoin desde hace ${minutes} min. ¿Está sincronizado?',
  'Block templates': 'Plantillas de bloque',
  'Blocks pay ${after} instead of ${before} from now on.':
    'A partir de ahora los bloques pagan a ${after} en lugar de a ${before}.',
  'Blocks pay from now on: ${pays}':
    'A partir de ahora los bloques pagan a: ${pays}',
  'Blocks pay': 'Los bloques pagan a',
  'Bonus of the finder': 'Prima de quien lo encuentra',
  'Builds on': 'Se apoya en',
  'By how much fees must have risen.':
    'Cuánto deben haber subido las comisiones.',
  'Charts of the past are gone. Shares, blocks found and payouts stay: they are in the ledger.':
    'Los gráficos del pasado desaparecen. Las shares, los bloques encontrados y los pagos se quedan: están en el libro.',
  'Coinbase tag': 'Etiqueta de coinbase',
  Configuration: 'Configuración',
  Configure: 'Configurar',
  'Connection Info': 'Información de conexión',
  Connections: 'Conexiones',
  'Counters and charts begin anew at the next start.':
    'Los contadores y gráficos empiezan de nuevo en el próximo arranque.',
  Dashboard: 'Panel',
  Descriptor: 'Descriptor',
  'Each miner is paid at its own address.':
    'Cada minero cobra en su propia dirección.',
  'Each miner that finds one': 'Al minero que encuentra cada uno',
  'End (UTC)': 'Fin (UTC)',
  'Every accepted share is on disk': 'Cada share aceptada está en el disco',
  'Every invite that you have handed out stops working: members need the new one from Connection Info. The old key is put aside, in old-keys.':
    'Todas las invitaciones que has repartido dejan de valer: los miembros necesitan la nueva de Información de conexión. La clave antigua se aparta en old-keys.',
  Everything: 'Todo',
  'Fees worth a new template': 'Comisiones que valen una plantilla nueva',
  'For friends elsewhere. It holds no secret, but says where the pool is: public addresses and relays.':
    'Para amigos en otra parte. No contiene secretos, pero dice dónde está el pool: direcciones públicas y relés.',
  'For miners and proxies that speak Stratum V2. Sealed: may be opened to the internet. Connection Info shows the whole address with the key.':
    'Para mineros y proxies que hablan Stratum V2. Cifrado: puede abrirse a internet. Información de conexión muestra la dirección completa con la clave.',
  'For old miners (Bitaxe, Antminer, Whatsminer, Avalon, NerdMiner). Not sealed: keep it on your own network.':
    'Para mineros antiguos (Bitaxe, Antminer, Whatsminer, Avalon, NerdMiner). Sin cifrar: déjalo en tu propia red.',
  'Give this pool a new authority key':
    'Dar a este pool una nueva clave de autoridad',
  'Give this server a new node ID': 'Dar a este servidor un nuevo ID de nodo',
  'How members with an invite reach the pool':
    'Cómo llegan al pool los miembros con invitación',
  'How much is written into the logs.': 'Cuánto se escribe en los registros.',
  'How often each miner sends a share. More makes hashrates steadier and costs bandwidth.':
    'Con qué frecuencia envía una share cada minero. Más da tasas más estables y cuesta ancho de banda.',
  'How the pool mines': 'Cómo mina el pool',
  'IPC is off in Bitcoin. Do the task that Punchbowl shows first.':
    'IPC está desactivado en Bitcoin. Haz primero la tarea que muestra Punchbowl.',
  'Invite for the same house': 'Invitación para la misma casa',
  Invite: 'Invitación',
  'Invite, addresses and QR codes for miners and friends':
    'Invitación, direcciones y códigos QR para mineros y amigos',
  'Invites and Relays': 'Invitaciones y relés',
  'It names no way in yet: make the interface Node ID public, or choose a relay in Invites and Relays.':
    'Aún no nombra ninguna entrada: haz pública la interfaz ID de nodo, o elige un relé en Invitaciones y relés.',
  Keys: 'Claves',
  'Least difficulty of rented hash rate':
    'Dificultad mínima de la potencia alquilada',
  'Least difficulty': 'Dificultad mínima',
  'Least time between templates': 'Tiempo mínimo entre plantillas',
  Ledger: 'Libro',
  'Let counters and charts begin anew':
    'Que los contadores y gráficos empiecen de nuevo',
  'List at least one relay of your own, or choose another kind.':
    'Indica al menos un relé propio, o elige otro tipo.',
  'Listed members only': 'Solo miembros de la lista',
  Log: 'Registro',
  Maintenance: 'Mantenimiento',
  'Marketplaces ask for 524288 or more.': 'Los mercados piden 524288 o más.',
  'Members by invite': 'Miembros por invitación',
  'Members connect by the node ID in their invite: over UDP, sealed, through most routers.':
    'Los miembros se conectan por el ID de nodo de su invitación: por UDP, cifrado, a través de la mayoría de routers.',
  'Members’ node IDs': 'ID de nodo de los miembros',
  'Miners can connect': 'Los mineros pueden conectarse',
  'Miners that speak Stratum V2, and members with an invite, refuse the pool until they get the new address or invite. The ledger goes on, signed by the new key: members who check it are told of the change, so tell them first. Do this only if the key was exposed. The old key is put aside, in old-keys.':
    'Los mineros que hablan Stratum V2 y los miembros con invitación rechazan el pool hasta recibir la nueva dirección o invitación. El libro continúa, firmado con la nueva clave: a los miembros que lo comprueban se les avisa del cambio, así que díselo antes. Hazlo solo si la clave quedó expuesta. La clave antigua se aparta en old-keys.',
  Miners: 'Mineros',
  'Miners, shares, blocks and payouts': 'Mineros, shares, bloques y pagos',
  'Mining block ${height}; template of ${seconds} s ago':
    'Minando el bloque ${height}; plantilla de hace ${seconds} s',
  'My own relays': 'Mis propios relés',
  'My own, listed below': 'Los míos, indicados abajo',
  'Name the address that the fee goes to.':
    'Indica la dirección a la que va la comisión.',
  'Name the new address.': 'Indica la nueva dirección.',
  'Never below the difficulty that marketplaces ask for.':
    'Nunca por debajo de la dificultad que piden los mercados.',
  'New address': 'Nueva dirección',
  'No miner is connected; see Connection Info':
    'No hay ningún minero conectado; mira Información de conexión',
  'No share is easier. 0.00001 suits the smallest hobby miners.':
    'Ninguna share es más fácil. 0.00001 va bien a los mineros más pequeños.',
  'No space at either end.': 'Sin espacios al principio ni al final.',
  'Nobody is named to be paid. Do the task Set Payout first.':
    'No se ha dicho a quién pagar. Haz primero la tarea Fijar el pago.',
  'Node ID (UDP)': 'ID de nodo (UDP)',
  'Node ID': 'ID de nodo',
  'Node Info': 'Información del nodo',
  'None: direct connections only': 'Ninguno: solo conexiones directas',
  'Not needed: the next address of your descriptor is taken.':
    'No hace falta: se toma la siguiente dirección de tu descriptor.',
  'Of your own wallet; every block pays it from now on.':
    'De tu propia cartera; a partir de ahora cada bloque la paga.',
  'Off in Invites and Relays': 'Desactivado en Invitaciones y relés',
  'Old miners (Stratum V1)': 'Mineros antiguos (Stratum V1)',
  'Old miners can connect': 'Los mineros antiguos pueden conectarse',
  'Old miners, Stratum V1 (${where})':
    'Mineros antiguos, Stratum V1 (${where})',
  'On the same block, miners get a new template no sooner. A new block never waits.':
    'Sobre el mismo bloque, los mineros no reciben antes una plantilla nueva. Un bloque nuevo nunca espera.',
  'One address takes every block; or a descriptor gives a fresh address for each block; or each miner that finds a block is paid at the address in its user name; or all who worked are paid, in proportion, by the block itself.':
    'Una dirección se lleva cada bloque; o un descriptor da una dirección nueva para cada bloque; o el minero que encuentra un bloque cobra en la dirección de su nombre de usuario; o cobran todos los que trabajaron, en proporción, del propio bloque.',
  'One address': 'Una dirección',
  'One line each, as `punchbowl relay` prints it on any machine with a public address. Name two: then one may die.':
    'Una línea por relé, tal como la imprime `punchbowl relay` en cualquier máquina con dirección pública. Pon dos: así puede caer uno.',
  'Only trouble': 'Solo problemas',
  'Opening the ledger': 'Abriendo el libro',
  'Otherwise whoever has the invite may connect.':
    'Si no, puede conectarse quien tenga la invitación.',
  Password: 'Contraseña',
  'Pay a fresh address from now on: a new one, or the next of your descriptor':
    'Pagar a partir de ahora a una dirección nueva: otra, o la siguiente de tu descriptor',
  Pays: 'Paga a',
  Pool: 'Pool',
  'Port for rented hash rate': 'Puerto para potencia alquilada',
  'Public ones, of number 0, the makers of Iroh':
    'Los públicos, de number 0, los autores de Iroh',
  'Publish relays': 'Publicar los relés',
  'Punchbowl could not check this: ${error}':
    'Punchbowl no pudo comprobarlo: ${error}',
  'Punchbowl takes block templates from Bitcoin over IPC, which is off by default. Whoever reaches that socket decides what your node mines; Punchbowl reaches nothing else of Bitcoin.':
    'Punchbowl toma las plantillas de bloque de Bitcoin por IPC, que viene desactivado. Quien llega a ese socket decide qué mina tu nodo; Punchbowl no llega a nada más de Bitcoin.',
  'Punchbowl was restored': 'Punchbowl se ha restaurado',
  'Ready for members with an invite': 'Listo para miembros con invitación',
  'Regenerate Node ID': 'Regenerar el ID de nodo',
  Relays: 'Relés',
  'Rented hash rate (${where})': 'Potencia alquilada (${where})',
  'Reset Statistics': 'Reiniciar estadísticas',
  'Rotate Authority Key': 'Rotar la clave de autoridad',
  'Rotate Payout': 'Rotar el pago',
  'Say whom the blocks that are found pay':
    'Di a quién pagan los bloques que se encuentren',
  'Say whom the blocks that you find shall pay.':
    'Di a quién deben pagar los bloques que encuentres.',
  'Says which machine this is. It holds no address.':
    'Dice qué máquina es. No contiene ninguna dirección.',
  'Says which pool this is.': 'Dice qué pool es.',
  'Set Dashboard Password': 'Fijar la contraseña del panel',
  'Set Payout': 'Fijar el pago',
  'Shares a minute': 'Shares por minuto',
  'Shares do not reach the disk. ${detail}':
    'Las shares no llegan al disco. ${detail}',
  'Sign in on the dashboard as the host of this pool':
    'Entrar en el panel como anfitrión de este pool',
  'So many blocks’ worth of work': 'El trabajo de tantos bloques',
  'So many days': 'Tantos días',
  'Start (UTC)': 'Inicio (UTC)',
  'Start Punchbowl once: its keys are made on the first start.':
    'Arranca Punchbowl una vez: sus claves se crean en el primer arranque.',
  'StartOS gives no address for the miners’ ports. Look at the interfaces of Punchbowl.':
    'StartOS no da ninguna dirección para los puertos de los mineros. Mira las interfaces de Punchbowl.',
  'Stratum V1 for rented hash rate': 'Stratum V1 para potencia alquilada',
  'Stratum V1': 'Stratum V1',
  'Stratum V2 (${where})': 'Stratum V2 (${where})',
  'Stratum V2': 'Stratum V2',
  'That is the address that is paid already.':
    'Esa es la dirección que ya se paga.',
  'The block that is mined right now, and whom it pays':
    'El bloque que se mina ahora mismo, y a quién paga',
  'The dashboard does not answer; see the logs':
    'El panel no responde; mira los registros',
  'The dashboard is ready': 'El panel está listo',
  'The newest': 'El más reciente',
  'The next start makes a new authority key.':
    'El próximo arranque crea una nueva clave de autoridad.',
  'The next start makes a new node ID.':
    'El próximo arranque crea un nuevo ID de nodo.',
  'The pool does not listen; see the logs':
    'El pool no escucha; mira los registros',
  'The pool has not said yet how it fares':
    'El pool aún no ha dicho cómo le va',
  'The pool last said how it fares ${seconds} s ago':
    'El pool dijo cómo le va por última vez hace ${seconds} s',
  'The port for old miners does not listen; see the logs':
    'El puerto para mineros antiguos no escucha; mira los registros',
  'The relays (never addresses) stand in the public DHT under the node ID, so that old invites lead to new relays.':
    'Los relés (nunca direcciones) figuran en la DHT pública bajo el ID de nodo, para que las invitaciones antiguas lleven a los nuevos relés.',
  'There is no block template yet; see the health checks.':
    'Aún no hay plantilla de bloque; mira las comprobaciones de salud.',
  'There was no authority key yet; the next start makes one.':
    'Aún no había clave de autoridad; el próximo arranque crea una.',
  'There was no node ID yet; the next start makes one.':
    'Aún no había ID de nodo; el próximo arranque crea uno.',
  'This Bitcoin cannot give templates over IPC. Punchbowl needs Bitcoin Core ${range}; other versions, and Knots, have no IPC.':
    'Este Bitcoin no puede dar plantillas por IPC. Punchbowl necesita Bitcoin Core ${range}; otras versiones, y Knots, no tienen IPC.',
  'This pool was restored with its keys. If the server that it came from still runs, give this one a node ID of its own; if not, you need do nothing.':
    'Este pool se restauró con sus claves. Si el servidor del que viene sigue en marcha, da a este un ID de nodo propio; si no, no tienes que hacer nada.',
  'Times the work that a block takes on average. Give this, the days, or both.':
    'Veces el trabajo que cuesta un bloque de media. Indica esto, los días o ambos.',
  Transactions: 'Transacciones',
  'User name: a name and a device, such as alice.garage (paid each alone: an address and a device). Password: anything.':
    'Nombre de usuario: un nombre y un dispositivo, como alice.garage (si cada uno cobra por su cuenta: una dirección y un dispositivo). Contraseña: cualquiera.',
  'V1 is not sealed: anybody on the way can change it.':
    'V1 no va cifrado: cualquiera en el camino puede cambiarlo.',
  'View Template': 'Ver la plantilla',
  'Waiting for the first block template':
    'Esperando la primera plantilla de bloque',
  'What happens': 'Lo que sucede',
  'What the finder is paid of the rest, ahead of everybody.':
    'Lo que cobra del resto quien lo encuentra, antes que nadie.',
  'What you take of each block. Every member sees it. Zero unless you say otherwise.':
    'Lo que tomas de cada bloque. Todos los miembros lo ven. Cero si no dices otra cosa.',
  'Where a member and the pool meet when neither router lets them through. Packets stay sealed.':
    'Donde un miembro y el pool se encuentran cuando ningún router los deja pasar. Los paquetes siguen cifrados.',
  'Where members with an invite connect, through most routers. Make it public to let them connect directly.':
    'Donde se conectan los miembros con invitación, a través de la mayoría de routers. Hazla pública para que se conecten directamente.',
  'Where the fee goes': 'Adónde va la comisión',
  'Which `punchbowl id` prints on their machines.':
    'Los que imprime `punchbowl id` en sus máquinas.',
  'Which work counts': 'Qué trabajo cuenta',
  'Whoever runs a relay learns this server’s address, node IDs and addresses of the members who come that way, and when and how much is sent; not what is sent.':
    'Quien lleva un relé conoce la dirección de este servidor, los ID de nodo y direcciones de los miembros que vienen por ahí, y cuándo y cuánto se envía; no qué se envía.',
  'Whoever was signed in is signed out.':
    'Quien tuviera la sesión abierta queda fuera.',
  'With addresses of your own network.': 'Con direcciones de tu propia red.',
  'Written into every block found, for all to see; at most 40 bytes.':
    'Se escribe en cada bloque encontrado, a la vista de todos; 40 bytes como máximo.',
  'Your fee': 'Tu comisión',
  'no payment': 'sin pago',
  seconds: 'segundos',
}
