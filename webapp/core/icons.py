"""Our own drawings: 16 px icons of 1.5 px strokes, and the small sculptures that stand for prototypes."""

ICONS = {
    "arrow": '<path d="M3 8h10M9 4l4 4-4 4"/>',
    "book": '<path d="M2.5 3h4A1.5 1.5 0 0 1 8 4.5V13a1.5 1.5 0 0 0-1.5-1h-4z'
    'M13.5 3h-4A1.5 1.5 0 0 0 8 4.5V13a1.5 1.5 0 0 1 1.5-1h4z"/>',
    "camera": '<path d="M2 5h3l1.2-2h3.6L11 5h3v8H2z"/><circle cx="8" cy="8.8" r="2.4"/>',
    "check": '<path d="m3 8.5 3.2 3.2L13 4.8"/>',
    "chevron": '<path d="m6 3.5 4.5 4.5L6 12.5"/>',
    "chip": '<rect x="4" y="4" width="8" height="8" rx="1"/>'
    '<path d="M6.5 1.5V4M9.5 1.5V4M6.5 12v2.5M9.5 12v2.5M1.5 6.5H4M1.5 9.5H4M12 6.5h2.5M12 9.5h2.5"/>',
    "clock": '<circle cx="8" cy="8" r="6"/><path d="M8 4.5V8l2.5 1.5"/>',
    "coin": '<circle cx="8" cy="8" r="6"/>'
    '<path d="M10 6c-.3-.8-1-1.2-2-1.2s-2 .5-2 1.6c0 2.2 4 1 4 3.2 0 1.1-1 1.6-2 1.6s-1.8-.4-2-1.2'
    'M8 3.5v1.3M8 11.2v1.3"/>',
    "copy": '<rect x="5.5" y="5.5" width="8" height="8" rx="1.5"/><path d="M10.5 2.5H4A1.5 1.5 0 0 0 2.5 4v6.5"/>',
    "cube": '<path d="M8 1.8 13.5 5v6L8 14.2 2.5 11V5zM2.5 5 8 8.2 13.5 5M8 8.2v6"/>',
    "download": '<path d="M8 2.5V10M4.5 7 8 10.5 11.5 7M2.5 13.5h11"/>',
    "gear": '<path d="M2.5 4.5h6M12 4.5h1.5M2.5 11.5H4M7.5 11.5h6"/>'
    '<circle cx="10.2" cy="4.5" r="1.7"/><circle cx="5.8" cy="11.5" r="1.7"/>',
    "info": '<circle cx="8" cy="8" r="6"/><path d="M8 7.5v3.5M8 5v.1"/>',
    "leave": '<path d="M6.5 2.5h-4v11h4M6 8h8M11 5l3 3-3 3"/>',
    "lock": '<rect x="3.5" y="7" width="9" height="6.5" rx="1"/><path d="M5.5 7V5a2.5 2.5 0 0 1 5 0v2"/>',
    "mail": '<rect x="2" y="3.5" width="12" height="9" rx="1"/><path d="m2.5 4.5 5.5 4 5.5-4"/>',
    "microphone": '<rect x="6" y="1.8" width="4" height="7.4" rx="2"/><path d="M3.5 7.5a4.5 4.5 0 0 0 9 0M8 12v2.2"/>',
    "moon": '<path d="M13 9.5A5.5 5.5 0 0 1 6.5 3 5.5 5.5 0 1 0 13 9.5z"/>',
    "open": '<path d="M6.5 3.5h-3v9h9v-3M9 3h4v4M13 3 7.5 8.5"/>',
    "plus": '<path d="M8 3v10M3 8h10"/>',
    "share": '<path d="M8 9.5V2M5 4.5 8 1.8l3 2.7M5 7H3v7h10V7h-2"/>',
    "stop": '<rect x="4" y="4" width="8" height="8" rx="1"/>',
    "sun": '<circle cx="8" cy="8" r="3"/>'
    '<path d="M8 1.5V3M8 13v1.5M1.5 8H3M13 8h1.5M3.4 3.4l1 1M11.6 11.6l1 1M3.4 12.6l1-1M11.6 4.4l1-1"/>',
    "down": '<path d="M11 8.5 8 13.5c-1 0-1.6-.8-1.4-1.8L7 9.5H3.8a1.3 1.3 0 0 1-1.2-1.6l1-4'
    'A1.3 1.3 0 0 1 4.8 3H11zM11 8.5h2.5V3H11"/>',
    "up": '<path d="M5 7.5 8 2.5c1 0 1.6.8 1.4 1.8L9 6.5h3.2a1.3 1.3 0 0 1 1.2 1.6l-1 4a1.3 1.3 0 0 1-1.2.9H5zM5 7.5H2.5V13H5"/>',
    "tiles": '<rect x="2.5" y="2.5" width="4.5" height="4.5" rx="1"/><rect x="9" y="2.5" width="4.5" height="4.5" rx="1"/>'
    '<rect x="2.5" y="9" width="4.5" height="4.5" rx="1"/><rect x="9" y="9" width="4.5" height="4.5" rx="1"/>',
    "upload": '<path d="M8 11V3M4.5 6 8 2.5 11.5 6M2.5 13.5h11"/>',
    "warning": '<path d="M8 2.5 14.5 13.5h-13zM8 6.5v3M8 11.6v.1"/>',
}

PLINTH = '<rect class="plinth" x="6" y="38" width="36" height="6" rx="1"/>'

GLYPHS = {
    "blocks": '<rect x="13" y="28" width="22" height="10" rx="1.5"/><rect x="16" y="18.5" width="18" height="9.5" rx="1.5"/>'
    '<rect x="14" y="10" width="11" height="8.5" rx="1.5"/>',
    "arch": '<path d="M12 38V23a12 12 0 0 1 24 0v15h-7V24a5 5 0 0 0-10 0v14z"/><circle cx="24" cy="33.5" r="4.5"/>',
    "bricks": '<rect x="10" y="26" width="12" height="12" rx="1"/><rect x="24" y="26" width="14" height="12" rx="1"/>'
    '<rect x="16" y="14" width="13" height="12" rx="1"/>',
    "ball": '<path d="M11 38 24 17l13 21z"/><circle cx="24" cy="11.5" r="5.5"/>',
}
