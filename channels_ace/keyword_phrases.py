"""PURE: the words and turns of phrase by which people stop, start or ask who writes. Read next: keywords.py, which reads texts with them.

All are compared without case, accents, punctuation and emoji. The words of 47 CFR 64.1200(a)(10) come first, then those on which AWS
opts a number out, then what people write instead.
"""

import re


def _listed(*lines: str) -> frozenset[str]:
    return frozenset(words.strip() for line in lines for words in line.split(","))


# Each alone says it all, whatever courtesies stand around it.
STOP = _listed(
    "stop, quit, end, revoke, opt out, optout, cancel, unsubscribe, arret, remove, td",
    "stopall, stop all, stop2end, unsub, un subscribe, halt, no more, opt me out, revoke consent, i quit, quit it, end it",
    "cancel all, cancel this",
    "alto, parar, pare, paren, para, basta, detener, detente, no mas, cancelar, baja, fin, darme de baja, desuscribir",
    "arreter, arretez, arrete, desabonner, desinscrire, desinscription",
    "توقف, قف, ايقاف, الغاء, الغاء الاشتراك, اوقف",
)
START = _listed("start, unstop, opt in, optin, resubscribe, resume, restart, start again, comenzar, empezar, reanudar")
# Ordinary words of another sense elsewhere: a start only from somebody who reads that language.
START_IN = {"es": _listed("alta, iniciar, inicio"), "fr": _listed("reprendre, commencer"), "ar": _listed("ابدا, ابدء")}
HELP = _listed(
    "help, info, information, help me, need help, i need help, who is this, who are you, whos this",
    "ayuda, aide, quien es, مساعده, مساعدة",
)
# In a longer text these make a person look; "end", "td" or "para" are too common there to tell anything.
TELLING = _listed(
    "stop, stopall, stopping, quit, revoke, optout, cancel, unsubscribe, unsub, remove, withdraw, spam, lawyer, harassment, harassing",
    "parar, paren, basta, detener, cancelar, dejen, arret, arreter, arretez, desabonner, توقف, ايقاف, الغاء, اوقف",
)
ENDS = _listed("end, alto, fin, baja, arrete")
COURTESIES = _listed(
    "please, pls, plz, thanks, thank, thx, ty, you, now, ok, okay, hi, hello, hey, sorry, sir, just, immediately, asap, already, the, this",
    "these, your, my, me, texts, text, texting, messages, message, messaging, sms, msgs, sending, everything, no, yes, and, so, to, it",
    "guys, por, favor, gracias, ya, mensajes, los, merci, svp, من, فضلك, شكرا",
)
MISSPELLED = {
    **dict.fromkeys(_listed("sotp, stpo, tsop, stopp, sstop, sttop, stp, stoop, dtop, srop, stiop, stoip, stopo"), "stop"),
    **dict.fromkeys(_listed("unsubcribe, unsuscribe, unsubscibe, unscribe, unsubsribe, unsubscribed"), "unsubscribe"),
    **dict.fromkeys(_listed("cancle, cancell, cancal"), "cancel"),
    **dict.fromkeys(_listed("qiut, quitt, quti"), "quit"),
}
# One slip away from "stop", and words themselves.
NO_SLIPS = _listed("step, shop, slop, swop, stow, atop, stops, sto, stoup, strop")
SIGNS = frozenset("🛑🚫⛔✋🖕🤬")

_MESSAGES = r"(?:texts?|messages?|msgs|sms|notifications|reminders|nudges)"
# A no in a sentence, where nothing before it turns the sense round.
ASKS_TO_STOP = re.compile(
    rf"""
    \b(?:please|pls|plz|just|must|and|can\ you|could\ you|would\ you|will\ you|(?:want|need|wish|have|like|you)\ (?:\w+\ )?to)
        \ stop(?:\ (?:it|this|that|now|all|please|thanks))*$
    | ^stop\ (?:it|this|that|now|the|these|those|all|your|with|bothering|contacting|spamming|harassing|calling|emailing)\b
    | \bstop\ (?:texting|messaging|sending|contacting|bothering|reminding|nudging|spamming|harassing|sms)\b
    | \b(?:stop|quit|cease|cancel|end)\ (?:texting|messaging|sending|contacting|bothering
        | (?:(?:these|those|the|all|your|any|my)\ (?:\w+\ )?)?(?:{_MESSAGES}|subscription))\b
    """,
    re.VERBOSE,
)
TURNED_ROUND = re.compile(r"\b(?:dont|do not|not|never|didnt|wont|cant|cannot) (?:\w+ ){0,3}(?:stop|quit|cease|cancel|end)\b")
FORBIDS = re.compile(
    rf"""
    \b(?:remove|delete|unsubscribe)\ me\b | \b(?:take|get|drop)\ me\ (?:off|from|out)\b
    | \b(?:remove|delete|lose|drop)\ (?:my|this)\ (?:phone\ )?number\b
    | \bunsubscribe\ (?:from|this|my|now)\b | \b(?:to|wanna|must)\ (?:unsubscribe|opt\ ?out)\b | \bopt(?:ing)?\ (?:me\ )?out\b
    | \b(?:do\ not|dont|never)\ (?:ever\ )?(?:text|message|contact|msg|send|write)\b
    | \bno\ (?:more|further)\ {_MESSAGES}\b
    | \b(?:leave|let)\ me\ (?:alone|be)\b | \bnot\ interested\b | \brevoke\ (?:(?:my|all)\ )?consent\b
    | \b(?:do\ not|dont|no\ longer)\ (?:want|wish)\ (?:to\ (?:receive|get)\ )?(?:(?:any|these|those|your|more|the)\ )*{_MESSAGES}\b
    | \bno\ quiero\ (?:mas|recibir|sus|estos|mensajes)\b | ^no\ (?:molestar|molesten)\b
    | \b(?:quitenme|saquenme|borrenme|quiteme|saqueme|borreme)\b
    | \bpara\ de\ (?:mandar|enviar|escribir)\w* | \b(?:dejen|deja|deje)\ de\ \w+
    | \bno\ me\ (?:envien|escriban|manden|molesten|escriba|mande|envie)\b
    | \bno\ mas\ (?:mensajes|textos|sms)\b | \bdar(?:me)?\ de\ baja\b
    | \bلا\ ترسلوا?\b
    | \bne\ menvoyez\ plus\b | \bplus\ de\ messages\b | \barretez?\ de\b
    """,
    re.VERBOSE,
)
# Not a no in words, yet a person should look: they may mean it, or the number may be somebody else's by now.
NEEDS_A_LOOK = re.compile(
    r"\bwrong (?:number|person)\b|\bnumero equivocado\b|\bi (?:want|wish|would like) out\b|\bno thank(?:s| you)\b|\bno gracias\b"
    r"|\b(?:block(?:ed|ing)?|enough|cease|desist|shut up|go away|fuck|piss off|f off|im out|leave the (?:study|trial)|ya no quiero)\b"
    r"|\b(?:dont|do not|no longer) (?:want|wish|need) (?:to receive|to get|these|those|any|more|this)\b"
    r"|\bwho gave you\b|\breport(?:ed|ing)? (?:you|this)\b"
)
OTHER_SENSES = re.compile(
    r"\bstop(?:ped|ping|s)? (?:by|in|at(?! once| all)|over|off|sign|light|raining)\b"
    r"|\bstop(?:ped|ping|s)? (?:smoking|drinking|eating|vaping|laughing|crying|smiling|thinking|worrying)\b"
    r"|\b(?:bus|next|last|pit|first|truck|rest|train|metro|non|whistle) stops?\b"
    r"|\bquit(?:ting)? (?:smoking|drinking|vaping|sugar|caffeine|(?:my|the|his|her) job)\b"
    r"|\bcancel(?:led|ed)? (?:my|our|the|his|her) (?:appointment|flight|meeting|trip|class|lesson|plans?|dinner|game|date|visit)\b"
    r"|\bremove (?:the|my) (?:lid|shoes|stitches|cast|mask)\b|\bspam folder\b"
)
# "Please don't stop" from the first word on; further in ("you do not stop") it may be a complaint.
GO_ON = re.compile(r"^(?:oh |no |please |pls |hey |so |and )*(?:don'?t|do not|never) (?:ever |you ever |you dare )?stop\b(?!.*\bstop\b)")
# What phones send when somebody taps a reaction to our own words, which may hold "Reply STOP".
TAPPED = re.compile(
    r"^(?:liked|loved|laughed at|emphasi[sz]ed|disliked|questioned|reacted .{1,12} to|removed an? \w+ from"
    r"|(?:le |me )?(?:gust[oa]|encanta))\s*[“\"«‘'].*[”\"»’'…]?$",
    re.DOTALL,
)
