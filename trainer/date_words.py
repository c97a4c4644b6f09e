"""Names of months, days and time zones in the languages that dates are read in. Standard library only."""

MONTHS = {
    "en": "january february march april may june july august september october november december",
    "de": "januar februar märz april mai juni juli august september oktober november dezember",
    "fr": "janvier février mars avril mai juin juillet août septembre octobre novembre décembre",
    "es": "enero febrero marzo abril mayo junio julio agosto septiembre octubre noviembre diciembre",
    "pt": "janeiro fevereiro março abril maio junho julho agosto setembro outubro novembro dezembro",
    "it": "gennaio febbraio marzo aprile maggio giugno luglio agosto settembre ottobre novembre dicembre",
    "nl": "januari februari maart april mei juni juli augustus september oktober november december",
    "pl": "stycznia lutego marca kwietnia maja czerwca lipca sierpnia września października listopada grudnia",
    "ru": "января февраля марта апреля мая июня июля августа сентября октября ноября декабря",
    "tr": "ocak şubat mart nisan mayıs haziran temmuz ağustos eylül ekim kasım aralık",
    "sv": "januari februari mars april maj juni juli augusti september oktober november december",
    "da": "januar februar marts april maj juni juli august september oktober november december",
    "cs": "ledna února března dubna května června července srpna září října listopadu prosince",
    "uk": "січня лютого березня квітня травня червня липня серпня вересня жовтня листопада грудня",
    "ro": "ianuarie februarie martie aprilie mai iunie iulie august septembrie octombrie noiembrie decembrie",
    "fi": "tammikuuta helmikuuta maaliskuuta huhtikuuta toukokuuta kesäkuuta heinäkuuta elokuuta syyskuuta lokakuuta marraskuuta joulukuuta",
    "hu": "január február március április május június július augusztus szeptember október november december",
    "el": "ιανουαρίου φεβρουαρίου μαρτίου απριλίου μαΐου ιουνίου ιουλίου αυγούστου σεπτεμβρίου οκτωβρίου νοεμβρίου δεκεμβρίου",
    "short": "jan feb mrz avr mai juin juil aoû sept okt nov dez",
    "short2": "janv févr mär abr mag giu lug aug sep oct now dec",
    "short3": "ene fev mar apr may jun jul ago set ott lis dic",
    "short4": "sty lut kwi ago maj cze lip sie wrz paź gru gru",
    "short5": "янв фев мар апр май июн июл авг сен окт ноя дек",
    "short6": "oca şub mrt nis mei haz tem ağu eyl eki kas ara",
}
MONTH_OF: dict[str, int] = {}
for _language, _names in MONTHS.items():
    for _number, _name in enumerate(_names.split(), 1):
        MONTH_OF.setdefault(_name, _number)
MONTH_OF |= {"lis": 11, "gru": 12, "kwi": 4, "ago": 8, "déc": 12, "out": 10, "dez": 12, "gen": 1, "mars": 3}
WEEKDAYS = (
    "monday tuesday wednesday thursday friday saturday sunday mon tue tues wed weds thu thur thurs fri sat sun "
    "montag dienstag mittwoch donnerstag freitag samstag sonnabend sonntag mo di mi do fr sa so "
    "lundi mardi mercredi jeudi vendredi samedi dimanche lun mar mer jeu ven sam dim "
    "lunes martes miércoles jueves viernes sábado domingo mié jue vie sáb dom "
    "segunda-feira terça-feira quarta-feira quinta-feira sexta-feira segunda terça quarta quinta sexta seg ter qua qui sex "
    "lunedì martedì mercoledì giovedì venerdì sabato domenica gio sab "
    "maandag dinsdag woensdag donderdag vrijdag zaterdag zondag ma di wo do vr za zo "
    "poniedziałek wtorek środa czwartek piątek sobota niedziela pon wt śr czw pt pn ndz sob niedz "
    "понедельник вторник среда четверг пятница суббота воскресенье пн вт ср чт пт сб вс "
    "понеділок вівторок середа четвер пʼятниця субота неділя нд "
    "pazartesi salı çarşamba perşembe cuma cumartesi pazar pzt sal çar per cum cmt paz "
    "måndag tisdag onsdag torsdag fredag lördag söndag mån tis ons tors tor fre lör sön "
    "mandag tirsdag onsdag torsdag lørdag søndag man tir lør søn "
    "pondělí úterý středa čtvrtek pátek neděle po út st čt pá so ne "
    "luni marți miercuri joi vineri sâmbătă duminică "
    "maanantai tiistai keskiviikko torstai perjantai lauantai sunnuntai ke to pe la su ti "
    "hétfő kedd szerda csütörtök péntek szombat vasárnap "
    "den der le el am vom il dne dnia "
    "δευτέρα τρίτη τετάρτη πέμπτη παρασκευή σάββατο κυριακή δευ τρί τετ πέμ παρ σάβ κυρ"
)
"""Names of the days, whole and short: no other word before a date is passed over."""
ZONES = {
    "Z": 0, "UTC": 0, "GMT": 0, "WET": 0, "BST": 1, "CET": 1, "CEST": 2, "EET": 2, "EEST": 3, "MSK": 3, "SGT": 8, "HKT": 8, "JST": 9, "KST": 9,
    "AEST": 10, "AEDT": 11, "EST": -5, "EDT": -4, "CST": -6, "CDT": -5, "MST": -7, "MDT": -6, "PST": -8, "PDT": -7,
}  # fmt: skip
"""Hours from UTC of zones that are named by letters."""
