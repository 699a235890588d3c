"""A module in the idiom of the original runs when its import alone is changed (protocol section 11)."""

from __future__ import annotations

import io

import pytest
from tests.unit.sdk.support import Browser

from plugit_wsgi.sdk import load_service

ORIGINAL = '''
# -*- coding: utf-8 -*-

# Utils
from plugit.utils import action, only_logged_user, only_member_user, only_admin_user, cache, \\
    PlugItRedirect, PlugItSendFile, PlugItSetSession, get_session_from_request, json_only, user_info, \\
    no_template, send_etag, crossdomain, public, xml_only, address_in_networks, \\
    only_orga_member_user, only_orga_admin_user
from plugit.api import PlugItAPI

import config
import os


# Include homepage
@action(route="/", template="home.html")
def home(request):
    """Show the home page."""
    return {'list': [1, 2], 'orga': request.args.get('ebuio_orgapk')}


@action(route="/show/<int:number>", template="show.html", methods=['GET', 'POST'])
@only_logged_user()
@user_info(props=['pk', 'username'])
def show(request, number):
    """Show one"""
    saved = False
    if request.method == 'POST':
        saved = request.form.get('title')
    return {'number': number, 'who': request.args.get('ebuio_u_pk') or request.form.get('ebuio_u_pk'),
            'saved': saved}


@action(route="/create", template="create.html", methods=['POST'])
@only_member_user()
def create(request):
    f = request.files['file']
    path = os.path.join('media', 'uploads', f.filename)
    return PlugItSetSession(PlugItRedirect('/show/%s' % len(f.read())), {'last': path})


@action(route="/download")
@only_admin_user()
def download(request):
    return PlugItSendFile('media/style.css', 'text/css', as_attachment=True, attachment_filename='s.css')


@json_only()
@cache(time=60, byUser=False)
@action(route="/data", template="")
def data(request):
    return {'session': get_session_from_request(request), 'api': config.API_URL}


@send_etag()
@action(route="/tagged")
def tagged(request):
    return {'_plugit_etag': 'one', 'value': 1}


@action(route="/cors", methods=['GET'])
@crossdomain(origin='*')
@public()
def cors(request):
    return {}


plugit_api = PlugItAPI(config.API_URL)
'''
CONFIG = """
DEBUG = False
PI_BASE_URL = '/'
PI_ALLOWED_NETWORKS = ['127.0.0.1/32']
PI_API_NAME = 'EBUio-PlugIt'
API_URL = 'http://127.0.0.1:4000/plugIt/ebuio_api/'
"""


@pytest.fixture
def client(tmp_path):
    """The module with its imports changed, and nothing else."""
    text = ORIGINAL.replace("from plugit.utils import", "from plugit_wsgi.sdk import")
    text = text.replace("from plugit.api import", "from plugit_wsgi.sdk import")
    (tmp_path / "actions.py").write_text(text, encoding="utf-8")
    (tmp_path / "config.py").write_text(CONFIG, encoding="utf-8")
    for folder in ("templates", "media"):
        (tmp_path / folder).mkdir()
    for name in ("home", "show", "create"):
        (tmp_path / "templates" / f"{name}.html").write_text(f"<h1>{name}</h1>")
    (tmp_path / "media" / "style.css").write_text("p {}")
    return Browser(load_service(tmp_path))


def test_pages(client):
    assert client.get("/template/").data == b"<h1>home</h1>"
    assert client.get("/action/?ebuio_orgapk=-1").json == {"list": [1, 2], "orga": "-1"}
    meta = client.get("/meta/show/3").json
    assert meta.pop("template_tag")
    assert meta == {"only_logged_user": True, "user_info": ["pk", "username"]}
    assert client.get("/action/show/3?ebuio_u_pk=7").json == {"number": 3, "who": "7", "saved": False}
    answer = client.post("/action/show/3", data={"title": "é", "ebuio_u_pk": "7"})
    assert answer.json == {"number": 3, "who": "7", "saved": "é"}


def test_upload_redirect_and_session(client):
    answer = client.post("/action/create", data={"file": (io.BytesIO(b"12345"), "a.txt")})
    assert answer.headers["EbuIo-PlugIt-Redirect"] == "/show/5"
    assert answer.headers["EbuIo-PlugIt-SetSession-last"] == "media/uploads/a.txt"
    session = {"X-Plugitsession-last": "media/uploads/a.txt"}
    assert client.get("/action/data", headers=session).json["session"] == {"last": "media/uploads/a.txt"}


def test_file_json_tag_and_cors(client):
    assert client.get("/action/download").data == b"p {}"
    assert client.get("/meta/data").json == {
        "template_tag": "",
        "json_only": True,
        "cache_time": 60,
        "cache_by_user": False,
    }
    assert client.get("/action/tagged").headers["ETag"] == "one"
    assert client.get("/action/tagged", headers={"X-Plugit-If-None-Match": "one"}).status_code == 304
    assert client.options("/action/cors").headers["Access-Control-Allow-Origin"] == "*"
